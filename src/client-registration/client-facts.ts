import type { Client } from 'oidc-provider';
import type { ClientRecord } from './client.ts';
import type { SecretHashes } from './client-secrets.ts';

/** The member of the engine's client that carries our facts. Software that registers cannot set it. */
export const FACTS_MEMBER = 'behalf';

/** What our record says beyond the metadata, at hand wherever the engine hands us a client. */
export type ClientFacts = Pick<
  ClientRecord,
  | 'id'
  | 'kind'
  | 'purpose'
  | 'scopes'
  | 'bounds'
  | 'isManagement'
  | 'hasGovernance'
  | 'defaultResource'
  | 'defaultScope'
  | 'reapedAt'
  | 'version'
>;

/** Facts that we made ourselves, and the secrets that go with them; what anybody else put there is not in this book. */
export interface FactsBook {
  /** Facts for the engine to carry with a client. */
  enter(record: ClientRecord, secrets: SecretHashes): ClientFacts;
  isOurs(value: unknown): boolean;
  factsOf(client: Client): ClientFacts | undefined;
  secretsOf(client: Client): SecretHashes | undefined;
}

/** An empty book. It forgets facts when the engine forgets the client. */
export function createFactsBook(): FactsBook {
  const secrets = new WeakMap<object, SecretHashes>();
  const memberOf = (client: Client): unknown => (client as unknown as Record<string, unknown>)[FACTS_MEMBER];
  const isOurs = (value: unknown): value is ClientFacts => typeof value === 'object' && value !== null && secrets.has(value);
  return {
    enter(record, hashes) {
      const { id, kind, purpose, scopes, bounds, isManagement, hasGovernance, defaultResource, defaultScope, reapedAt, version } = record;
      const marks = { isManagement, hasGovernance, reapedAt };
      const facts = { id, kind, purpose, scopes, bounds, ...marks, defaultResource, defaultScope, version };
      secrets.set(facts, hashes);
      return facts;
    },
    isOurs,
    factsOf(client) {
      const value = memberOf(client);
      return isOurs(value) ? value : undefined;
    },
    secretsOf(client) {
      const value = memberOf(client);
      return isOurs(value) ? secrets.get(value) : undefined;
    },
  };
}
