import { type Moment, momentOf } from '../../platform/http/moment.ts';
import type { Agent } from '../agent.ts';
import { countOf, type Frame, presentDigest, presentFalls, presentId, type ShownOwner, stateOf } from '../present.ts';
import type { Falling, State } from '../surroundings.ts';
import { type Agreed, type Drift, differenceOf, normalDigest, partsOf, type RunningPart } from './drift.ts';
import { type DriftStanding, noticeWords } from './service.ts';

/** One part of what runs beside what was agreed; undefined: not said. */
interface ShownPart {
  readonly label: string;
  readonly agreed?: ShownValue;
  readonly runs?: ShownValue;
  /** Set where they are not the same. */
  readonly state?: State;
}
interface ShownValue {
  readonly text?: string;
  readonly id?: { readonly short: string; readonly full: string };
}

/** What the page of a difference is made of. */
export interface DriftContent {
  readonly agent: Agent;
  readonly owner: ShownOwner | undefined;
  readonly standing: DriftStanding;
  /** Names of the clients and people that are mentioned, by id. */
  readonly names: ReadonlyMap<string, string>;
  readonly falls: Falling;
  /** Whether accepting, or a press of its own, also lets it act again. */
  readonly mayStart: boolean;
  readonly mayDecide: boolean;
}

const labels = {
  'model.provider': 'Made by',
  'model.name': 'Model',
  'model.version': 'Version',
  manifestDigest: 'Manifest',
} as const satisfies Record<RunningPart, string>;
const order = ['model.provider', 'model.name', 'model.version', 'manifestDigest'] as const;

function shownValue(part: RunningPart, value: string | undefined): ShownValue | undefined {
  if (value === undefined) return undefined;
  if (part !== 'manifestDigest') return { text: value };
  return { id: presentDigest(normalDigest(value) ?? value) };
}

function partsShown(was: Agreed, { presented }: Drift): readonly ShownPart[] {
  const { contradicted, unrecorded } = differenceOf(was, presented);
  const agreed = partsOf(was.manifestDigest, was.model);
  const runs = partsOf(presented.digest, presented.model);
  const said = order.filter((part) => agreed.has(part) || runs.has(part));
  return said.map((part) => {
    const [before, now] = [shownValue(part, agreed.get(part)), shownValue(part, runs.get(part))];
    const state: State | undefined = contradicted.includes(part)
      ? { word: 'Differs', tone: 'wait' }
      : unrecorded.includes(part)
        ? { word: 'New', tone: 'info' }
        : undefined;
    return {
      label: labels[part],
      ...(before === undefined ? {} : { agreed: before }),
      ...(now === undefined ? {} : { runs: now }),
      ...(state === undefined ? {} : { state }),
    };
  });
}

interface SeenFacts {
  readonly since: Moment;
  readonly last: Moment;
  readonly times: string;
  readonly client: string;
}

function seenFacts({ firstSeenAt, lastSeenAt, times, clientId }: Drift, names: DriftContent['names'], now: Date): SeenFacts {
  return {
    since: momentOf(firstSeenAt, now),
    last: momentOf(lastSeenAt, now),
    times: times === 1 ? 'once' : countOf(times, 'time'),
    client: names.get(clientId) ?? clientId,
  };
}

/** Something else it presented, in a line. */
function otherShown(drift: Drift, names: DriftContent['names'], now: Date) {
  const { digest, model } = drift.presented;
  const words = [model?.provider, model?.name, model?.version].filter((part) => part !== undefined).join(' ');
  const id = shownValue('manifestDigest', digest)?.id;
  return { ...(words === '' ? {} : { model: words }), ...(id === undefined ? {} : { digest: id }), seen: seenFacts(drift, names, now) };
}

function headingOf({ agent, standing, names }: DriftContent): string {
  const { notice, accepted } = standing;
  if (notice === 'accepted') return `${names.get(accepted?.closedBy ?? '') ?? 'Its owner'} says this is expected`;
  if (notice !== undefined) return noticeWords[notice];
  return agent.status === 'underReview' ? 'Nothing differs any more' : 'It runs what was agreed';
}

function meanwhileWords({ agent, standing }: DriftContent): string {
  if (agent.status === 'suspended' || agent.status === 'retired') return `It is ${agent.status}: it gets no token.`;
  if (agent.actsUnderReview) return 'It is under review and still gets tokens, as the setting for its risk allows.';
  if (agent.status === 'underReview')
    return 'It is under review and gets no token until somebody decides. What people allowed it waits for that.';
  return standing.notice === undefined ? 'There is nothing to decide.' : 'It goes on acting: its record says nothing else.';
}

/** What may be pressed, by the words on its button. */
function actsOf({ agent, standing, mayStart, mayDecide }: DriftContent) {
  const { notice, accepted } = standing;
  const isReviewed = agent.status === 'underReview';
  if (!mayDecide || agent.status === 'retired') return {};
  const accept = isReviewed && mayStart && notice === 'differs' ? 'Accept and let it act again' : 'This is expected';
  const isSettled = notice === 'accepted' || (notice === undefined && isReviewed);
  return {
    ...(standing.open.length > 0 && !isSettled ? { accept } : {}),
    ...(isSettled && mayStart ? { activate: 'Let it act again' } : {}),
    ...(isSettled && !mayStart && accepted !== undefined ? { waits: 'An administrator who does not own it can let it act again.' } : {}),
    ...(agent.status === 'suspended' ? {} : { stop: true }),
  };
}

/** The model of views/console/drift.eta and views/me/drift.eta. */
export function presentDrift(content: DriftContent, { now, base }: Frame): object {
  const { agent, owner, standing, names } = content;
  const [shown, ...others] = standing.notice === 'accepted' ? [standing.accepted, ...standing.open] : standing.open;
  // what its owner agreed to is shown beside what the record said before
  const agreed = shown === standing.accepted && shown !== undefined ? shown.recorded : agent;
  return {
    heading: headingOf(content),
    agent: { id: presentId(agent.id), name: agent.displayName, state: stateOf(agent, { owner, now }), version: agent.version },
    meanwhile: meanwhileWords(content),
    ...(shown === undefined ? {} : { drift: { id: shown.id, parts: partsShown(agreed, shown), seen: seenFacts(shown, names, now) } }),
    others: others.flatMap((drift) => (drift === undefined ? [] : [otherShown(drift, names, now)])),
    may: actsOf(content),
    falls: presentFalls(content.falls),
    base,
  };
}
