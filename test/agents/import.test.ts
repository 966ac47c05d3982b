import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { administrator, openRegistry, type Registry } from './registry.ts';

let registry: Registry;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let jana: string;
let janaMail: string;

beforeAll(async () => {
  [registry, folder] = await Promise.all([openRegistry(), temporaryFolder()]);
  jana = await registry.addPerson('Jana Weber');
  janaMail = `${jana}@example.com`;
});
afterAll(async () => {
  await registry.close();
  await folder.remove();
});
beforeEach(() => registry.sql('DELETE FROM agents'));

interface Summary {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly fault?: string;
  readonly refusals: readonly { readonly line: number; readonly externalId?: string; readonly reason: string }[];
}

interface Run {
  readonly code: number;
  readonly output: string;
  readonly summary: Summary;
}

const path = (name: string): string => join(folder.path, name);

/** Runs `behalf import agents` on a text. */
async function run(text: string, { name = 'agents.csv', dryRun = false, json = true, settings = {} } = {}): Promise<Run> {
  await writeFile(path(name), text);
  const command = registry.agents.capability.commands?.find((each) => each.name === 'import agents');
  const lines: string[] = [];
  const out = (line: string): void => void lines.push(line);
  const code = await command?.run({ args: [path(name)], json, dryRun, settings: { source: 'hr', ...settings }, out });
  const output = lines.join('\n');
  return { code: code ?? -1, output, summary: (output.startsWith('{') ? JSON.parse(output) : {}) as Summary };
}
const counts = ({ created, changed, unchanged, refused }: Summary): number[] => [created, changed, unchanged, refused];
const agents = () => registry.sql<Record<string, unknown>>('SELECT * FROM agents ORDER BY external_id');
const events = async (): Promise<number> => (await registry.sql<{ n: number }>('SELECT count(*)::int AS n FROM audit_events'))[0]?.n ?? -1;

const header = 'externalId,displayName,owner,status,purpose,riskLevel,dataClasses,model.name,maxDelegationDepth,validUntil';
const full = () => `1,"Bot, one",${janaMail.toUpperCase()},active,Pays,high,pii; payroll,m-4,2,2030-01-31T00:00:00Z`;

describe('a first import', () => {
  test('creates agents with their events, from cells in the types of SCIM', async () => {
    const { code, summary } = await run(`\ufeff${header}\r\n${full()}\r\n\r\n2,Bot two,,,,,,,,\r\n`);
    expect([code, counts(summary)]).toEqual([0, [2, 0, 0, 0]]);
    const [one, two] = await agents();
    expect(one).toMatchObject({
      source: 'import:hr',
      display_name: 'Bot, one',
      owner_id: jana,
      status: 'active',
      purpose: 'Pays',
      risk_level: 'high',
      data_classes: ['pii', 'payroll'],
      model: { name: 'm-4' },
      max_delegation_depth: 2,
      valid_until: new Date('2030-01-31T00:00:00Z'),
    });
    expect(two).toMatchObject({ status: 'proposed', owner_id: null, risk_level: 'medium' });
    expect(await registry.eventsOf(String(one?.['id']))).toEqual(['agent.activated', 'agent.proposed']);
    const { events: told } = await registry.audit.list({ agentId: String(one?.['id']), limit: 1 });
    expect(told[0]?.event.actor).toEqual({ kind: 'system', id: 'command-line' });
  });

  test('NDJSON holds the same, flat or as SCIM writes it', async () => {
    const urn = 'urn:ietf:params:scim:schemas:extension:behalf:2.0:Agent';
    const lines = [
      { externalId: '1', displayName: 'Flat', owner: jana, active: true, purpose: 'Pays', model: { name: 'm' } },
      { schemas: ['x'], externalId: '2', displayName: 'Nested', owners: [{ value: jana }], [urn]: { purpose: 'Pays', status: 'active' } },
    ];
    const { code } = await run(lines.map((line) => JSON.stringify(line)).join('\n'), { name: 'agents.ndjson' });
    expect(code).toBe(0);
    expect(await agents()).toMatchObject(
      ['Flat', 'Nested'].map((name) => ({ display_name: name, status: 'active', owner_id: jana, purpose: 'Pays' })),
    );
  });

  test('an agent with a parent may stand in the same file, below it', async () => {
    expect((await run('externalId,name\n1,parent\n')).code).toBe(0);
    const [parent] = await agents();
    await registry.agents.update(String(parent?.['id']), { changes: { maxChildren: 1, maxChildDepth: 1 } }, administrator);
    const { code, summary } = await run(
      `externalId,name,parent.value\n2,child,${parent?.['id']}\n3,lost,agt_nobody\n4,free,\n5,crowd,${parent?.['id']}\n`,
    );
    expect([code, counts(summary), summary.refusals.map(({ line }) => line)]).toEqual([1, [2, 0, 0, 2], [3, 5]]);
    expect((await agents()).map((row) => row['parent_id'])).toEqual([null, parent?.['id'], null]);
  });
});

describe('a second import', () => {
  test('leaves what is the same untouched and without an event, over batches', async () => {
    const text = `externalId,name,owner,purpose\n${Array.from({ length: 1200 }, (_, at) => `x${at},bot ${at},${janaMail},Pays`).join('\n')}\n`;
    expect(counts((await run(text)).summary)).toEqual([1200, 0, 0, 0]);
    const before = [await agents(), await events()];
    registry.advance(60);
    expect(counts((await run(text)).summary)).toEqual([0, 0, 1200, 0]);
    expect([await agents(), await events()]).toEqual(before);
  });

  test('changes what is given, clears what is empty, leaves what is not said and the status', async () => {
    await run(`${header}\n${full()}\n`);
    const [before] = await agents();
    const { code, summary } = await run(
      'externalId,purpose,environment,dataClasses,model.version,status,active\n1,,test,,7,retired,false\n',
    );
    expect([code, counts(summary)]).toEqual([0, [0, 1, 0, 0]]);
    const [after] = await agents();
    expect(after).toEqual({
      ...before,
      purpose: '',
      environment: 'test',
      data_classes: [],
      model: { name: 'm-4', version: '7' },
      version: 2,
      updated_at: registry.clock.now(),
    });
    expect(await registry.eventsOf(String(after?.['id']))).toEqual(['agent.activated', 'agent.proposed', 'agent.updated']);
  });

  test('an owner is changed with its own event, and never taken from an active agent', async () => {
    const sam = await registry.addPerson('Sam Stone');
    await run(`${header}\n${full()}\n`);
    expect(counts((await run(`externalId,owner\n1,${sam}\n`)).summary)).toEqual([0, 1, 0, 0]);
    expect(counts((await run(`externalId,owner\n1,${sam}\n`)).summary)).toEqual([0, 0, 1, 0]);
    const { summary } = await run('externalId,owner\n1,\n');
    expect([counts(summary), summary.refusals[0]?.reason]).toEqual([[0, 0, 0, 1], 'An active agent needs an owner: name one first.']);
    const [agent] = await agents();
    expect(await registry.eventsOf(String(agent?.['id']))).toEqual(['agent.activated', 'agent.owner_changed', 'agent.proposed']);
  });

  test('other sources have their own agents', async () => {
    await run('externalId,displayName\n1,Bot\n');
    expect(counts((await run('externalId,displayName\n1,Other bot\n', { settings: { source: 'crm' } })).summary)).toEqual([1, 0, 0, 0]);
  });

  test('two rows about one agent: the last one wins', async () => {
    expect(counts((await run('externalId,displayName\n1,First\n2,Other\n1,Last\n')).summary)).toEqual([2, 1, 0, 0]);
    expect((await agents()).map((row) => row['display_name'])).toEqual(['Last', 'Other']);
  });
});

describe('rows that are refused', () => {
  const bad = [
    'externalId,name,owner,status,maxDelegationDepth',
    '1,taken,,,',
    '2,TAKEN,,,',
    ',nameless,,,',
    '4,four,nobody@example.com,,',
    '5,five,,active,',
    '6,six,,suspended,',
    '7,seven,,,many',
    '8,eight',
    '9,fine,,,1',
  ].join('\n');
  const reasons = [
    [3, '2', 'Another agent has this name.'],
    [4, undefined, expect.stringContaining('externalId')],
    [5, '4', expect.stringContaining('e-mail address')],
    [6, '5', 'An active agent needs an owner: name one first.'],
    [7, '6', 'A new agent is proposed or active.'],
    [8, '7', 'maxDelegationDepth is a number.'],
    [9, undefined, 'The row has 2 cells, the header 5.'],
  ];

  test('are named with line and reason, leave the others be, and end with code 1', async () => {
    const { code, summary } = await run(bad);
    expect([code, counts(summary)]).toEqual([1, [2, 0, 0, 7]]);
    expect(summary.refusals.map(({ line, externalId, reason }) => [line, externalId, reason])).toEqual(reasons);
    const { output } = await run(bad, { json: false });
    expect(output).toContain('Line 3 (2): Another agent has this name.');
    expect(output.split('\n').at(-1)).toBe('0 created, 0 changed, 2 unchanged, 7 refused.');
  });

  test('can be kept in a file, mended and imported again', async () => {
    await run(bad, { settings: { rejects: path('rejects.csv') } });
    const [head, first, ...rest] = (await readFile(path('rejects.csv'), 'utf8')).trim().split('\n');
    expect([head, first, rest.length]).toEqual([
      '_line,_reason,externalId,name,owner,status,maxDelegationDepth',
      '3,Another agent has this name.,2,TAKEN,,,',
      6,
    ]);
    const mended = [head, first?.replace('TAKEN', 'free')].join('\n');
    expect((await run(mended)).code).toBe(0);
    const json = '{"externalId":"1","colour":"red"}\nno json\n[]\n';
    expect((await run(json, { name: 'a.jsonl', settings: { rejects: path('rejects.ndjson') } })).code).toBe(1);
    const lines = (await readFile(path('rejects.ndjson'), 'utf8')).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { _line: 1, _reason: 'There is no attribute colour.', externalId: '1', colour: 'red' },
      { _line: 2, _reason: 'The line is no JSON.', _text: 'no json' },
      { _line: 3, _reason: 'The line is no JSON object.', _text: '[]' },
    ]);
  });

  test('a changed agent whose new name is taken fails alone among others', async () => {
    await run(`externalId,name\n${Array.from({ length: 20 }, (_, at) => `${at},bot ${at}`).join('\n')}\n`);
    const renamed = Array.from({ length: 20 }, (_, at) => `${at},${at === 7 ? 'BOT 3' : `new ${at}`}`).join('\n');
    const { summary } = await run(`externalId,name\n${renamed.replace('3,new 3', '3,bot 3')}\n`);
    expect([counts(summary), summary.refusals]).toEqual([
      [0, 18, 1, 1],
      [{ line: 9, externalId: '7', reason: 'Another agent has this name.' }],
    ]);
  });
});

describe('a dry run', () => {
  test('says what would happen and changes nothing', async () => {
    await run('externalId,name\n1,one\n2,two\n');
    const before = [await agents(), await events()];
    const text = 'externalId,name\n1,one\n2,renamed\n3,three\n4,ONE\n';
    const { code, summary } = await run(text, { dryRun: true });
    expect([code, counts(summary)]).toEqual([1, [1, 1, 1, 1]]);
    expect([await agents(), await events()]).toEqual(before);
    expect((await run(text, { dryRun: true, json: false })).output).toMatch(
      /Dry run, nothing was written. It would be: 1 created, 1 changed/,
    );
    expect(counts((await run(text)).summary)).toEqual([1, 1, 1, 1]);
  });
});

describe('files and options that are refused as a whole', () => {
  test.each([
    [
      'an unknown column',
      'externalId,colour\n1,red\n',
      'There is no attribute colour. Columns are the attributes of /Schemas; begin the name of one of your own with _.',
    ],
    ['a column twice', 'externalId,name,NAME\n1,a,b\n', 'The column NAME comes twice.'],
    ['no externalId', 'name\na\n', 'The file needs a column externalId: by it an agent is found the next time.'],
    ['nothing', '', 'The file is empty.'],
    ['a quote that is not closed', 'externalId,name\n1,"a\n', 'The file is no CSV'],
  ])('%s', async (_title, text, words) => {
    const { code, output } = await run(text, { json: false });
    expect([code, output]).toEqual([65, expect.stringContaining(words)]);
    expect(await agents()).toEqual([]);
  });

  test('what stands before the place where a file breaks is in', async () => {
    const { code, summary } = await run('externalId,name\n1,one\n2,two\n3,"three\n');
    expect([code, counts(summary), summary.fault]).toEqual([65, [2, 0, 0, 0], expect.stringContaining('no CSV')]);
  });

  test('options', async () => {
    expect((await run('', { settings: { source: 'a b' } })).code).toBe(64);
    expect((await run('', { name: 'agents.txt' })).code).toBe(64);
    expect((await run('', { settings: { rejects: path('agents.csv') } })).code).toBe(64);
    const nowhere = await run('', { settings: { rejects: path('no/such/folder.csv') } });
    expect([nowhere.code, JSON.parse(nowhere.output)]).toEqual([64, { error: expect.stringContaining('make it first') }]);
    expect((await run('externalId,name\n1,a\n', { name: 'agents.txt', settings: { format: 'csv' } })).code).toBe(0);
  });

  test('a line of NDJSON without an end is refused, not kept', async () => {
    const { code, summary } = await run(`{"externalId":"1","name":"${'x'.repeat(1_100_000)}"}\n{"externalId":"2","name":"two"}`, {
      name: 'a.ndjson',
    });
    expect([code, counts(summary), summary.refusals[0]?.line]).toEqual([1, [1, 0, 0, 1], 1]);
  });
});
