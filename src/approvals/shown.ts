import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { type AuthorizationDetail, describeDetail, type DetailWords } from '../authorization-details/index.ts';
import { withToolTitles } from '../resource-servers/index.ts';
import { type Approval, APPROVED_SECONDS } from './approval.ts';
import { type Directory, ownsAgent } from './directory.ts';

/** A detail in words, and the title of its type. */
export interface ShownDetail extends DetailWords {
  readonly title: string;
}

/** Everything that whoever decides is shown about a question; the decision covers its hash (R12). */
export interface Shown {
  readonly approvalId: string;
  readonly personName: string;
  readonly agentId: string;
  readonly agentName: string;
  readonly ownerName: string;
  readonly clientId: string;
  readonly resource: string | null;
  readonly resourceName: string | null;
  readonly scopes: readonly { readonly name: string; readonly description: string }[];
  readonly identityScopes: readonly string[];
  readonly details: readonly ShownDetail[];
  readonly exactDetails: readonly AuthorizationDetail[];
  readonly detailsHash: string;
  readonly bindingMessage: string | null;
  readonly holdsSeconds: number;
  readonly maxUses: number | null;
}

/** A question as people see it, its hash, and what is known around it without being part of the decision. */
export interface Described {
  readonly approval: Approval;
  readonly shown: Shown;
  readonly hash: string;
  readonly isOwnAgent: boolean;
}

/** `sha-256:` and the base64url SHA-256 of the JCS form (RFC 8785) of what is shown. */
export function hashOfShown(shown: Shown): string {
  const text = canonicalize({ label: 'behalf approval shown 1', ...shown });
  if (text === undefined) throw new TypeError('what is shown is not JSON');
  return `sha-256:${createHash('sha256').update(text, 'utf8').digest('base64url')}`;
}

/** The words of a scope-separated text. */
export function scopesOf(text: string): readonly string[] {
  return text.split(' ').filter((scope) => scope !== '');
}

/** Whether a yes counts for one act only: it does when the act itself was described (R27). */
export function maxUsesOf(details: readonly AuthorizationDetail[]): number | undefined {
  return details.length > 0 ? 1 : undefined;
}

/** Puts a question into words, from the records as they are now: a name that changed since is a different question. */
export async function describe(directory: Directory, approval: Approval): Promise<Described> {
  const { resource } = approval;
  const [agent, person, server] = await Promise.all([
    directory.agents.find(approval.agentId),
    directory.accounts.find(approval.accountId),
    resource === undefined ? undefined : directory.resourceServers.findByIdentifier(resource),
  ]);
  const owner = agent?.owner;
  const ownerName = owner === undefined ? 'nobody' : ((await directory.accounts.ownerLabel(owner))?.name ?? 'nobody');
  const resourceName = server?.name ?? resource ?? null;
  const types = directory.detailTypes();
  const shown: Shown = {
    approvalId: approval.id,
    personName: person?.name ?? approval.accountId,
    agentId: approval.agentId,
    agentName: agent?.displayName ?? approval.agentId,
    ownerName,
    clientId: approval.clientId,
    resource: resource ?? null,
    resourceName,
    scopes: scopesOf(approval.scope).map((name) => ({
      name,
      description: server?.scopes.find((scope) => scope.name === name)?.description ?? name,
    })),
    identityScopes: scopesOf(approval.identityScope),
    details: approval.details.map((detail) => {
      const type = types.find(detail.type);
      if (type === undefined) return { title: detail.type, headline: detail.type, rows: [] };
      return { title: type.definition.title, ...describeDetail(type, withToolTitles(detail, server), resourceName ?? 'this server') };
    }),
    exactDetails: approval.details,
    detailsHash: approval.detailsHash,
    bindingMessage: approval.bindingMessage ?? null,
    holdsSeconds: APPROVED_SECONDS,
    maxUses: maxUsesOf(approval.details) ?? null,
  };
  return { approval, shown, hash: hashOfShown(shown), isOwnAgent: await ownsAgent(directory, approval.accountId, owner) };
}
