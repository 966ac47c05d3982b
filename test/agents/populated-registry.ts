import { agentDefinition, extensionUrn } from '../../src/agents/scim-extension.ts';
import { applicationUrn } from '../../src/agents/applications/definition.ts';
import { type AttributeDocument, type RealThings, valueFor } from '../conformance/scim-values.ts';
import { administrator } from './registry.ts';
import { agentUrn, openScimRegistry, type ScimRegistry } from './scim-server.ts';

/** A registry with agents in it that differ in every attribute. */
export interface PopulatedRegistry extends ScimRegistry {
  readonly real: RealThings;
}

const names = ['zebra', 'Zebra', 'Ünal 50%_', String.raw`O'Brien "x" \ y`, 'ÉTÉ', '東京', 'a b'];
/** Set from the outside, or twice under two names. */
const apart = ['name', 'agentUserName', 'displayName', 'active', 'parent', 'owners'];

/** Which of several things come together differs from agent to agent, the same in each run. */
const isChosen = (index: number, place: number, oneIn: number) => (index * 31 + place * 17 + index * place) % oneIn !== 0;

function membersOf(index: number, real: RealThings): Record<string, unknown> {
  const chosen = (attributes: readonly AttributeDocument[], prefix: string) =>
    Object.fromEntries(
      attributes
        .filter(({ name, mutability }, place) => mutability === 'readWrite' && !apart.includes(name) && isChosen(index, place, 3))
        .map((attribute) => [attribute.name, valueFor('Agent', `${prefix}${attribute.name}`, { attribute, turn: index % 5, real })]),
    );
  const [behalf] = agentDefinition.extensions;
  // What stands below another agent may not have as much below it.
  const { status: _status, maxChildDepth: _depth, validUntil, ...extension } = chosen(behalf?.attributes ?? [], `${extensionUrn}:`);
  return {
    ...chosen(agentDefinition.schema.attributes, ''),
    displayName: `${names[index % names.length]} ${index % 3}`,
    ...(isChosen(index, 1, 4) ? { externalId: `ext-${index}` } : {}),
    ...(isChosen(index, 2, 3) ? { parent: { value: real.agents[index % 2] } } : {}),
    ...(isChosen(index, 3, 5) ? { owners: [{ value: real.people[index % 2] }] } : {}),
    [extensionUrn]: { ...extension, ...(isChosen(index, 4, 6) ? { validUntil } : { ttlMinutes: 5 + index }) },
  };
}

/** Opens one with `count` agents, some of them in applications, linked to clients, seen, stopped. */
export async function openPopulatedRegistry(count: number): Promise<PopulatedRegistry> {
  const registry = await openScimRegistry();
  const people = [await registry.addPerson('Jana Weber'), await registry.addGroup('Data owners')] as const;
  const post = async (members: object) => {
    const { status, body } = await registry.send('POST /Agents', { schemas: [agentUrn, extensionUrn], ...members });
    if (status !== 201) throw new Error(`not created: ${JSON.stringify(body)}`);
    return body.id;
  };
  const agents = [await post({ displayName: 'Above', owners: [{ value: people[0] }] }), await post({ displayName: 'Beside' })] as const;
  for (const id of agents) await registry.agents.update(id, { changes: { maxChildren: 100, maxChildDepth: 2 } }, administrator);
  const real: RealThings = { people, agents };
  const ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    registry.advance(60);
    const id = await post(membersOf(index, real));
    ids.push(id);
    if (isChosen(index, 5, 2)) await registry.agents.linkClient(id, `client-${index % 2 === 0 ? 'A' : 'b'}${index}`, administrator);
    if (index % 4 === 0) await registry.agents.setStatus(id, 'suspended', { by: administrator, reason: `Why ${index % 3}` });
    if (index % 3 === 0) registry.agents.touch(id);
    await registry.agents.flushLastSeen();
  }
  const confirmed = `UPDATE agents SET last_confirmed_at = updated_at, last_confirmed_by = $1 WHERE id = ANY ($2)`;
  await registry.sql(confirmed, [people[0], ids.filter((_, place) => place % 6 === 2)]);
  const reviewed = `UPDATE agents SET status = 'underReview', acts_under_review = true WHERE id = ANY ($1)`;
  await registry.sql(reviewed, [ids.filter((_, place) => place % 8 === 4)]);
  const joined = 'INSERT INTO group_agents (group_id, agent_id, added_at) SELECT $1, id, created_at FROM agents WHERE id = ANY ($2)';
  await registry.sql(joined, [people[1], ids.filter((_, place) => place % 5 === 1)]);
  for (const [index, type] of ['owned', 'authorized', 'guest'].entries()) {
    const members = ids.filter((_, place) => place % (index + 2) === 0).map((value) => ({ value, type }));
    const body = { schemas: [applicationUrn], name: `Application ${index}`, displayName: names[index], agents: members };
    await registry.send('POST /AgenticApplications', body);
  }
  return { ...registry, real };
}
