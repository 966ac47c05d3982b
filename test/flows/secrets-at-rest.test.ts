import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DelegationStory, playDelegation } from '../support/delegation-story.ts';

let story: DelegationStory;
beforeAll(async () => {
  story = await playDelegation();
}, 60_000);
afterAll(() => story.server.close());

const BEARERS = ['access_token', 'refresh_token', 'id_token', 'client_secret', 'registration_access_token', 'auth_req_id', 'token', 'code'];
const SENT = [...BEARERS, 'subject_token', 'actor_token', 'code_verifier', 'password'];

/** Everything that would let a thief in: what was answered, what was sent, what the browsers keep. */
function bearersOf({ exchanges, assistant, bookkeeper }: DelegationStory): ReadonlySet<string> {
  const found: unknown[] = [];
  for (const { request, body, headers } of exchanges) {
    found.push(...BEARERS.map((name) => body[name]));
    const sent = new URLSearchParams(request.form ?? '');
    found.push(...SENT.map((name) => sent.get(name)));
    const [, credentials] = (request.headers?.['authorization'] ?? '').split(' ');
    found.push(credentials);
    const location = headers.get('location') ?? '';
    if (URL.canParse(location)) found.push(new URL(location).searchParams.get('code'));
    found.push(...headers.getSetCookie().map((line) => /^[^=]+=([^;]*)/.exec(line)?.[1]));
  }
  for (const { information } of [assistant, bookkeeper]) found.push(...BEARERS.map((name) => information[name]));
  return new Set(found.filter((value) => typeof value === 'string' && value.length >= 16).map(String));
}

/** Every row of every table as text. */
async function dump({ server: { db } }: DelegationStory): Promise<string> {
  const tables = await db.rows<{ name: string }>({
    name: 'test_tables',
    text: `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    values: [],
  });
  const texts = tables.map(async ({ name }) => {
    const rows = await db.rows<{ row: string }>({
      name: `test_dump_${name}`,
      text: `SELECT row_to_json(t)::text AS row FROM "${name}" t`,
      values: [],
    });
    return rows.map(({ row }) => row).join('\n');
  });
  return (await Promise.all(texts)).join('\n');
}

test('R16: no bearer value of a whole delegation is in the database', async () => {
  const bearers = bearersOf(story);
  const text = await dump(story);
  // the dump is what it says: what is not secret is there
  expect(text).toContain(story.assistant.clientId);
  expect(bearers.size).toBeGreaterThan(20);
  const hex = (value: string) => Buffer.from(value).toString('hex');
  expect([...bearers].filter((bearer) => text.includes(bearer) || text.includes(hex(bearer)))).toEqual([]);
});
