import { parseSecureUrl } from './addresses.ts';
import type { Authorization } from './authorization.ts';
import { equalsInConstantTime } from './compare.ts';
import { type ProofExpectations, verifyProof } from './dpop.ts';
import { type IncomingRequest, type Presentation, peerCertificateThumbprint, publicUrl } from './presentation.ts';
import type { ResourceServerOptions } from './protection.ts';
import { AccessRefused, invalidToken } from './refusal.ts';

/**
 * Whether the presenter holds the key or certificate the token is bound to, and shows a bound token as one (RFC 9449 §7,
 * RFC 8705 §3).
 * @throws AccessRefused from the check; TypeError when the resource is no secure address.
 */
export function createPossessionCheck(options: ResourceServerOptions, proofs: ProofExpectations) {
  const resource = parseSecureUrl(options.resource, 'resource');
  const urlOf = options.requestUrl ?? ((request: IncomingRequest) => publicUrl(request, resource).href);
  const thumbprintOf = options.clientCertificateThumbprint ?? peerCertificateThumbprint;

  async function checkProof(request: IncomingRequest, presented: Presentation, jwkThumbprint: string | undefined): Promise<void> {
    if (!jwkThumbprint) {
      if (presented.scheme === 'Bearer' && options.dpop !== 'required') return;
      throw new AccessRefused('invalid_token', 'the access token is not bound to a DPoP key', {
        scheme: options.dpop === 'required' ? 'DPoP' : 'Bearer',
      });
    }
    if (presented.scheme !== 'DPoP')
      throw new AccessRefused('invalid_token', 'a bound access token needs the DPoP scheme', { scheme: 'DPoP' });
    if (!presented.proof) throw new AccessRefused('invalid_dpop_proof', 'the DPoP proof is missing', { scheme: 'DPoP' });
    const proven = { method: presented.method, url: new URL(urlOf(request)), token: presented.token, jwkThumbprint };
    await verifyProof(presented.proof, proven, proofs);
  }

  return async (request: IncomingRequest, presented: Presentation, authorization: Authorization): Promise<void> => {
    const { jwkThumbprint, certificateThumbprint } = authorization.token.boundTo;
    if (certificateThumbprint) {
      const given = thumbprintOf(request);
      if (!given || !equalsInConstantTime(given, certificateThumbprint))
        throw invalidToken('the access token is bound to another certificate');
    }
    await checkProof(request, presented, jwkThumbprint);
  };
}
