import { Provider } from 'oidc-provider';
import { attachToRefusal } from '../../oidc/index.ts';
import { looksLikeUrl } from './document-url.ts';
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

/** ASCII without quotes and backslashes, and not long (RFC 6749 §5.2). */
function plain(text: string): string {
  return text
    .slice(0, 500)
    .replace(/["\\]/g, "'")
    .replace(/[^\x20-\x7e]/g, '?');
}

/** Whether the document of a client holds whose identifier is its address, and true for every other client; if not, the `invalid_client` of the request under way says why. */
export async function isAdmitted(documents: Pick<MetadataDocuments, 'admit'> | undefined, clientId: string): Promise<boolean> {
  if (!looksLikeUrl(clientId)) return true;
  const admission = await documents?.admit(clientId, Provider.ctx?.ip);
  if (admission === undefined || admission.ok) return true;
  if (admission.words !== undefined) attachToRefusal('invalid_client', { error_description: plain(admission.words) });
  return false;
}
