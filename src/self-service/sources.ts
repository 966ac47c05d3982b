import type { DetailTypes } from '../authorization-details/index.ts';
import type { TitledTools } from '../resource-servers/index.ts';
import type { LineageNode } from '../tokens/index.ts';

/** Whom a grant was given to: the agent behind a client, or the client itself. */
export interface Grantee {
  readonly kind: 'agent' | 'service';
  readonly name: string;
  /** The agent's state; undefined for a client that stands for no agent. */
  readonly status?: string;
}

/** Where the page gets what it shows; app.ts asks the capabilities that keep it. */
export interface SelfServiceSources {
  granteeOf(clientId: string): Promise<Grantee | undefined>;
  resourceOf(
    uri: string,
  ): Promise<
    | (TitledTools & { readonly name: string; readonly scopes: readonly { readonly name: string; readonly description: string }[] })
    | undefined
  >;
  readonly detailTypes: () => DetailTypes;
  /** When a token was last issued under a grant. */
  lastUsed(grantHash: Buffer): Promise<Date | undefined>;
  /** What became of a grant in the last day. */
  historyOf(grantHash: Buffer): Promise<readonly LineageNode[]>;
  /** What ends with a grant. */
  falling(grantHash: Buffer): Promise<{ readonly tokens: number; readonly agents: number }>;
  agentsOwnedBy(accountId: string): Promise<
    readonly {
      readonly id: string;
      readonly displayName: string;
      readonly purpose: string;
      readonly status: string;
      readonly validUntil: Date | undefined;
      /** What is to be said of the agent card it came from. */
      readonly card?: string;
      /** What is to be said of what it runs. */
      readonly notice?: string;
    }[]
  >;
  waitingFor(accountId: string): Promise<number>;
  /** How many agents a person is asked to confirm, and the earliest date. */
  toConfirm(accountId: string): Promise<{ readonly count: number; readonly dueAt: Date | undefined }>;
  /** How many agents ask to take over from agents of this person. */
  toHandOn(accountId: string): Promise<number>;
  sessionsOf(
    accountId: string,
  ): Promise<readonly { readonly uid: string; readonly userAgent: string; readonly address: string; readonly lastSeenAt: Date }[]>;
  /** The part of the page about signing in (the accounts' `presentSecurity`). */
  securityOf(accountId: string): Promise<object>;
  /** Ends a grant and all that came from it, in the transaction under way (the cascade's `onGrantEnded`). */
  endGrant(
    grantHash: Buffer,
    reason: { readonly cause: string; readonly by: { readonly kind: 'account'; readonly id: string } },
  ): Promise<void>;
}
