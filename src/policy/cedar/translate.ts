import type { Question } from '../question.ts';
import type { CedarEntity, CedarValue, EntityId } from './cedar.ts';
import { agentMembers, agentOf, contextMembers, saidEntity, tagsOf } from './facts.ts';
import type { Needs } from './head.ts';

/** A principal a question is asked about, and in whose role. */
export interface Party {
  readonly role: 'subject' | 'actor' | 'owner';
  readonly entity: EntityId;
}

/** A question as Cedar takes it, cut to what the policies of one slice look at. */
export interface Request {
  readonly principal: EntityId;
  readonly action: EntityId;
  readonly resource: EntityId;
  readonly context: Record<string, CedarValue>;
  readonly entities: CedarEntity[];
}

const SUBJECTS = { account: 'Person', agent: 'Agent', service: 'Service' } as const;

/**
 * Who has to be allowed: the subject; the agent of the client where it acts for somebody else; and, where an agent acts for itself,
 * whoever answers for it, because nobody's agent may do what they themselves may not.
 */
export function partiesOf({ subject, facts }: Question): readonly Party[] {
  const first: Party = { role: 'subject', entity: { type: SUBJECTS[subject.kind], id: subject.id } };
  const { agent } = facts;
  if (agent === undefined) return [first];
  if (subject.id !== agent.id) return [first, { role: 'actor', entity: { type: 'Agent', id: agent.id } }];
  if (agent.owner === undefined) return [first];
  return [first, { role: 'owner', entity: { type: agent.owner.kind === 'user' ? 'Person' : 'Group', id: agent.owner.id } }];
}

/** `issue_token`, or any access that a resource server asks about. */
export function actionOf({ action }: Question): string {
  return action.name === 'issue_token' ? 'issue_token' : 'access';
}

/** What is reached, as policies name it. */
export function resourceOf({ resource }: Question): EntityId {
  if (resource.server === undefined) return { type: 'Identity', id: 'identity' };
  if (resource.type === 'resource_server') return { type: 'ResourceServer', id: resource.server };
  return { type: 'Thing', id: `${resource.type}:${resource.id}` };
}

function pick<About>(members: Readonly<Record<string, (about: About) => CedarValue | undefined>>, about: About, needs: Needs) {
  const names = needs.everything ? Object.keys(members) : [...needs.attributes].filter((name) => Object.hasOwn(members, name));
  const picked: Record<string, CedarValue> = {};
  for (const name of names) {
    const value = members[name]?.(about);
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

function* entitiesOf(question: Question, party: Party, needs: Needs): Generator<CedarEntity> {
  const { agent } = question.facts;
  const uid = agentOf(question);
  if (agent !== undefined && uid !== undefined) {
    const parents = needs.hierarchy ? (agent.line ?? []).map(({ id }) => ({ type: 'Agent', id })) : [];
    const attrs = pick(agentMembers, agent, needs);
    if (parents.length > 0 || Object.keys(attrs).length > 0) yield { uid, attrs, parents };
  }
  const { entity } = party;
  if (entity.type === 'Person' && needs.groups) {
    const groups = question.groups?.[entity.id] ?? [];
    yield { uid: entity, attrs: {}, parents: groups.map((id) => ({ type: 'Group', id })) };
  }
  const resource = resourceOf(question);
  if (resource.type === 'Thing') {
    const { type: kind, id: name, server = '', properties } = question.resource;
    const tags = needs.tags ? { tags: tagsOf({ '': properties }) } : {};
    yield { uid: resource, attrs: { kind, name }, parents: [{ type: 'ResourceServer', id: server }], ...tags };
  }
  if (needs.tags) {
    const said = saidEntity(question);
    if (said !== undefined) yield said;
  }
}

/**
 * The question as Cedar takes it. Each member that crosses into the language costs more than most policies do, so only those that
 * `needs` names are handed over; what no policy looks at cannot change the answer.
 */
export function requestOf(question: Question, party: Party, needs: Needs): Request {
  const role = needs.everything || needs.attributes.has('asked_as') ? { asked_as: party.role } : {};
  return {
    principal: party.entity,
    action: { type: 'Action', id: actionOf(question) },
    resource: resourceOf(question),
    context: { ...pick(contextMembers, question, needs), ...role },
    entities: [...entitiesOf(question, party, needs)],
  };
}
