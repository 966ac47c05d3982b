import type { Provider } from 'oidc-provider';
import type { MetadataDocuments } from './service.ts';

/**
 * Says in the server's metadata that documents are taken (draft-ietf-oauth-client-id-metadata-document §5), as long as they are:
 * clients that read it then register by document first (MCP authorization), and by RFC 7591 as soon as it is gone.
 */
export function announceDocuments(provider: Provider, documents: Pick<MetadataDocuments, 'isSupported'>): void {
  provider.use(async (ctx, next) => {
    await next();
    const { body } = ctx;
    if (!ctx.path.startsWith('/.well-known/') || typeof body !== 'object' || body === null || !('token_endpoint' in body)) return;
    if (await documents.isSupported()) Object.assign(body, { client_id_metadata_document_supported: true });
  });
}
