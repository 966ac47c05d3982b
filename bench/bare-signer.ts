/** A bare HTTP server that signs one ES256 JWT per request and does nothing else: the ceiling of one core. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import http from 'node:http';

const [, , port = ''] = process.argv;
const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const header = encoded({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' });

function token(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: `http://localhost:${port}`, sub: 'bench', aud: 'https://api.example', jti: randomUUID(), iat: now, exp: now + 900 };
  const input = `${header}.${encoded(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const server = http.createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    const body = JSON.stringify({ access_token: token(), token_type: 'Bearer', expires_in: 900 });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.listen(Number(port), 'localhost', () => process.stdout.write('the bare signer serves\n'));
process.once('SIGTERM', () => process.exit(0));
