import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { certificate, privateKey } from '../../platform/outgoing/certificate.ts';
import { localhostCertificate, localhostKey } from './localhost-certificate.ts';

/** A request as the host saw it. */
interface Asked {
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
}

/** A host that serves metadata documents, over TLS as tls.test or as localhost, or plain on loopback. */
export interface DocumentHost {
  readonly port: number;
  readonly asked: Asked[];
  /** The address of a path. */
  at(path: string): string;
  /** Serves a document at a path, its client_id set; `change` overwrites members, `headers` are sent with it. Returns the address. */
  serve(path: string, change?: object, headers?: Readonly<Record<string, string>>): string;
  /** Serves anything at a path. Returns the address. */
  answer(path: string, listener: http.RequestListener): string;
  /** Nobody gets an answer until it is called again with true. */
  reachable(isReachable: boolean): void;
  close(): Promise<void>;
}

export const DOCUMENT = {
  client_name: 'Desk agent',
  redirect_uris: ['https://desk.example/cb'],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
};

const CERTIFICATES = {
  'tls.test': { key: privateKey, cert: certificate },
  localhost: { key: localhostKey, cert: localhostCertificate },
};

/** Starts one; `as`: the name of its certificate. A resolver leads tls.test to loopback. */
export async function startDocumentHost({
  isTls,
  as = 'tls.test',
}: {
  readonly isTls: boolean;
  readonly as?: keyof typeof CERTIFICATES;
}): Promise<DocumentHost> {
  const paths = new Map<string, http.RequestListener>();
  const asked: Asked[] = [];
  let isReachable = true;
  const listen: http.RequestListener = (request, response) => {
    const path = request.url ?? '';
    asked.push({ path, headers: request.headers });
    if (!isReachable) return void request.socket.destroy();
    const listener = paths.get(path);
    if (listener !== undefined) return listener(request, response);
    response.statusCode = 404;
    return response.end();
  };
  const server = isTls ? https.createServer(CERTIFICATES[as], listen) : http.createServer(listen);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const at = (path: string) => (isTls ? `https://${as}:${port}${path}` : `http://localhost:${port}${path}`);
  const answer = (path: string, listener: http.RequestListener) => {
    paths.set(path, listener);
    return at(path);
  };
  return {
    port,
    asked,
    at,
    answer,
    serve: (path, change = {}, headers = {}) =>
      answer(path, (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify({ client_id: at(path), ...DOCUMENT, ...change }));
      }),
    reachable(value) {
      isReachable = value;
      if (!value) server.closeAllConnections();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
