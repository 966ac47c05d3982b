import type { Provider } from 'oidc-provider';
import type { AuditRecorder } from '../audit/index.ts';
import type { DetailTypes } from '../authorization-details/index.ts';
import type { GrantHelpers } from '../oidc/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { FactsSource } from '../policy/index.ts';
import type { Trust } from '../trust/index.ts';
import type { People } from './person.ts';
import type { Outcome, Refusal } from './refusal.ts';
import type { Asked, createRefusals } from './refusing.ts';
import type { LinkStore } from './store.ts';

/** What both profiles of the grant stand on. */
export interface GrantDeps {
  readonly clock: Clock;
  /** Our issuer. */
  readonly issuer: string;
  readonly audit: AuditRecorder;
  readonly refuse: ReturnType<typeof createRefusals>;
  readonly trust: Pick<Trust, 'verify' | 'useUp'>;
  readonly types: DetailTypes;
  readonly facts: FactsSource;
  readonly resources: { findByIdentifier(uri: string): Promise<object | undefined> };
  readonly people: People;
  readonly links: Pick<LinkStore, 'find' | 'insert'>;
}

/** The engine that answers a request, and its helpers with the token policy inside. */
export interface Engine {
  readonly helpers: GrantHelpers;
  readonly provider: Provider;
}

const replayed: Refusal = {
  error: 'invalid_grant',
  rule: 'assertion-replayed',
  reason: 'The assertion was used before, or its issuer is trusted no more.',
};

/** The value of an outcome; a refusal ends the request. */
export function orRefuseWith(refuse: GrantDeps['refuse']): <Value>(outcome: Outcome<Value>, asked: Asked) => Value {
  return (outcome, asked) => (outcome.ok ? outcome.value : refuse(asked, outcome.refusal));
}

/** Whether a resource is this server itself. */
export async function isOwnResource({ resources }: Pick<GrantDeps, 'resources'>, resource: string): Promise<boolean> {
  const server = (await resources.findByIdentifier(resource)) as { own?: string } | undefined;
  return server?.own !== undefined;
}

/** Uses the assertion up, or refuses because it was: the last write before the token (see `TrustService.useUp`). */
export async function useUp(
  { trust, refuse }: Pick<GrantDeps, 'trust' | 'refuse'>,
  assertion: { readonly iss: string; readonly jti: string; readonly exp: number },
  asked: Asked,
): Promise<void> {
  const { iss, jti, exp } = assertion;
  if (!(await trust.useUp({ iss, jti, exp, providerId: asked.provider?.id ?? '' }))) refuse(asked, replayed);
}

/** Tells on whose word a token was issued, in the transaction of the token. */
export async function remember(
  { audit }: Pick<GrantDeps, 'audit'>,
  { clientId, agentId, provider }: Asked,
  about: { readonly subjectId: string; readonly tokenId: string },
): Promise<void> {
  const actor = { kind: 'client', id: clientId } as const;
  const agent = agentId === undefined ? {} : { agentId };
  const resource = provider?.id ?? '';
  await audit.record({ type: 'assertion.accepted', actor, clientId, resource, ...about, ...agent, outcome: 'permitted' });
}
