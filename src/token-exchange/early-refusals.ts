import type { Provider } from 'oidc-provider';
import type { AuditRecorder } from '../audit/index.ts';
import type { Db } from '../platform/db/db.ts';
import { TOKEN_EXCHANGE } from './request.ts';

/** A request on its way through the engine. */
interface Passing {
  readonly req: object;
  readonly body: unknown;
  readonly oidc?: {
    readonly params?: Readonly<Record<string, unknown>>;
    readonly entities: { readonly Client?: { readonly clientId: string } };
  };
}

/** Notices exchanges that the engine refuses before anybody here sees them. */
export interface EarlyRefusals {
  /** The handler has this request: whatever becomes of it is recorded there. */
  reached(ctx: { readonly req: object }): void;
  readonly patch: (provider: Provider) => void;
}

function errorIn(body: unknown): string | undefined {
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return typeof error === 'string' ? error : undefined;
}

/**
 * The engine itself turns away what is malformed: a repeated parameter, a scope of other characters, details that are no list, a
 * grant that the client is not registered for. Those leave the same event as every other refusal of an exchange.
 */
export function createEarlyRefusals({ db, audit }: { readonly db: Db; readonly audit: AuditRecorder }): EarlyRefusals {
  const handled = new WeakSet<object>();
  const watch = async (ctx: Passing, next: () => Promise<unknown>) => {
    await next();
    const { oidc, req, body } = ctx;
    const clientId = oidc?.entities.Client?.clientId;
    const error = errorIn(body);
    if (error === undefined || clientId === undefined || handled.has(req) || oidc?.params?.['grant_type'] !== TOKEN_EXCHANGE) return;
    const actor = { kind: 'client', id: clientId } as const;
    await db.transaction(() => audit.record({ type: 'token.refused', actor, clientId, outcome: 'refused', cause: error }));
  };
  return {
    reached: ({ req }) => void handled.add(req),
    patch: (provider) => void provider.use(watch as never),
  };
}
