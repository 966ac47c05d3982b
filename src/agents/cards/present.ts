import { type Moment, momentOf } from '../../platform/http/moment.ts';
import { type CardFacts, decisiveChanges } from './card.ts';
import type { StoredCard } from './store.ts';

/** One fact of a card in words. */
interface Line {
  readonly label: string;
  readonly value: string;
}

/** A card as views/partials/agent-card.eta quotes it. */
export interface ShownCard {
  readonly lines: readonly Line[];
  readonly skills: readonly string[];
  readonly skillsWords: string;
  readonly hash: { readonly short: string; readonly full: string };
}

const SHOWN_SKILLS = 8;

function joined(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' · ');
}

/** The facts in the order people ask for them; what is not said is left out. */
function linesOf({ name, version, provider, interfaces, securitySchemes, keys }: CardFacts): readonly Line[] {
  return [
    { label: 'Calls itself', value: joined([name, version]) },
    { label: 'Provider', value: joined([provider?.organization, provider?.url]) },
    { label: 'Answers at', value: interfaces.map(({ url, binding }) => joined([url, binding])).join(', ') },
    { label: 'Callers prove themselves by', value: securitySchemes.map((scheme) => `${scheme.name} (${scheme.kind})`).join(', ') },
    { label: 'Signed, unchecked', value: keys.join(', ') },
  ].filter(({ value }) => value !== '');
}

/** A card that was read. */
export function presentCard({ facts, contentHash }: Pick<StoredCard, 'facts' | 'contentHash'>): ShownCard {
  const { skills } = facts;
  const more = skills.length - SHOWN_SKILLS;
  return {
    lines: linesOf(facts),
    skills: skills.slice(0, SHOWN_SKILLS).map(({ name, description }) => joined([name, description])),
    skillsWords: `${skills.length === 1 ? 'One skill' : `${skills.length} skills`}${more > 0 ? `, ${SHOWN_SKILLS} of them` : ''}`,
    hash: { short: `${contentHash.slice(0, 16)}…`, full: contentHash },
  };
}

/** What a change did to the facts, line by line; a member that we keep no words of has only its name. */
function rowsOf(before: CardFacts, after: CardFacts) {
  const [old, now] = [new Map(linesOf(before).map(({ label, value }) => [label, value])), linesOf(after)];
  const labels = [...new Set([...old.keys(), ...now.map(({ label }) => label)])];
  const nowOf = (label: string) => now.find((line) => line.label === label)?.value ?? 'nothing';
  return labels
    .map((label) => ({ label, before: old.get(label) ?? 'nothing', after: nowOf(label) }))
    .filter((row) => row.before !== row.after);
}

/** The card of an agent, as its page shows it. */
export interface KeptCard extends ShownCard {
  readonly url: string;
  readonly read: Moment;
  /** Why it is not as fresh as it should be. */
  readonly stale?: { readonly since: Moment; readonly why: string };
  readonly change?: {
    readonly when: Moment;
    readonly members: string;
    /** What of it decides whom one talks to. */
    readonly decisive: string;
    readonly rows: readonly { readonly label: string; readonly before: string; readonly after: string }[];
  };
}

/** The card an agent came from. */
export function presentKept(card: StoredCard, now: Date): KeptCard {
  const { url, readAt, failing, change, facts } = card;
  return {
    ...presentCard(card),
    url,
    read: momentOf(readAt, now),
    ...(failing === undefined ? {} : { stale: { since: momentOf(failing.since, now), why: failing.reason } }),
    ...(change === undefined
      ? {}
      : {
          change: {
            when: momentOf(change.at, now),
            members: change.members.join(', '),
            decisive: decisiveChanges(change.before, facts).join(', '),
            rows: rowsOf(change.before, facts),
          },
        }),
  };
}
