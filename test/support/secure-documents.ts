import tls from 'node:tls';
import { startDocumentHost } from '../client-registration/metadata-documents/document-host.ts';
import { localhostCertificate } from '../client-registration/metadata-documents/localhost-certificate.ts';

/** A host on this machine that serves metadata documents over https, as clients of others demand. */
export interface SecureDocuments {
  /** Serves a document at an address of its own, which is its client_id. Returns the address. */
  serve(metadata: object): string;
  close(): Promise<void>;
}

/** Starts one, and lets everything in this process trust it until it is closed. */
export async function startSecureDocuments(): Promise<SecureDocuments> {
  const host = await startDocumentHost({ isTls: true, as: 'localhost' });
  const trusted = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...trusted, localhostCertificate]);
  const state = { served: 0 };
  return {
    serve(metadata) {
      state.served += 1;
      return host.serve(`/client-${state.served}.json`, metadata, { 'cache-control': 'max-age=600' });
    },
    async close() {
      tls.setDefaultCACertificates(trusted);
      await host.close();
    },
  };
}
