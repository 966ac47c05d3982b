/** The engine alone, with its in-memory storage: what one core gives without a database, a ledger, policy or audit. */
import { generateKeyPairSync } from 'node:crypto';
import { type ClientMetadata, Provider } from 'oidc-provider';

const [, , port = '', jwk = ''] = process.argv;
const issuer = `http://localhost:${port}`;
const key = (type: 'ec' | 'rsa') => {
  const pair = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return pair.privateKey.export({ format: 'jwk' });
};
const client: ClientMetadata = {
  client_id: 'bench',
  token_endpoint_auth_method: 'private_key_jwt',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  jwks: { keys: [JSON.parse(jwk)] },
};

// its warnings about placeholders (pages, keys) are about what is never reached here
console.info = () => undefined;
console.warn = () => undefined;
const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [key('ec'), key('rsa')] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => ({
        scope: 'read write',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 900,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
});
provider.listen(Number(port), 'localhost', () => process.stdout.write('the bare engine serves\n'));
process.once('SIGTERM', () => process.exit(0));
