import { AppError } from '../platform/errors.ts';
import type { Routes } from '../platform/http/web.ts';
import { isPurpose } from './proof-key.ts';
import type { Proofs } from './service.ts';

const FRESH_SECONDS = 300;

/** `GET /jwks/{purpose}`: public keys, for everybody (RFC 7517 §5). */
export function proofRoutes(proofs: Pick<Proofs, 'keySet'>): Routes {
  return (router) => {
    router.get('/jwks/:purpose', async (ctx) => {
      const purpose = ctx.params['purpose'] ?? '';
      if (!isPurpose(purpose)) throw new AppError('not_found', 'There are no such keys.');
      ctx.body = await proofs.keySet(purpose);
      ctx.type = 'application/jwk-set+json';
      ctx.set('cache-control', `public, max-age=${FRESH_SECONDS}`);
      ctx.set('access-control-allow-origin', '*');
    });
  };
}
