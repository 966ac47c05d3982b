import { describe, expect, test } from '@jest/globals';
import { builtInDetailTypes, createDetailTypes, createDetailWriter } from '../../src/authorization-details/index.ts';
import { draw } from '../../src/tokens/lineage/drawing.ts';
import { hopOf, type LineageToken } from '../../src/tokens/lineage/lineage.ts';
import { type LineageNode, lineageTree } from '../../src/tokens/lineage/present.ts';
import { sampleContext, sampleLineage } from './lineage-sample.ts';

const { focus } = sampleLineage;
const [root] = sampleLineage.above as [LineageToken];
const [ledger, again] = sampleLineage.below as [LineageToken, LineageToken];
const tree = lineageTree(sampleLineage, sampleContext);
const nodesIn = (node: LineageNode): readonly LineageNode[] => [node, ...node.children.flatMap(nodesIn)];
const hopTo = (words: string) => nodesIn(tree).find(({ hop }) => hop?.words === words)?.hop;

describe('a hop', () => {
  test('tells handing on from narrowing for oneself', () => {
    expect(hopOf(root, focus)).toMatchObject({ isHandedOn: true, basis: 'delegation', delegationId: 'dlg_0193', secondsShorter: 600 });
    expect(hopOf(focus, again)).toMatchObject({ isHandedOn: false, basis: 'issued_to' });
    expect(hopOf(focus, ledger)).toMatchObject({ isRebound: true, resource: { from: focus.resource, to: ledger.resource } });
  });

  test('says in words what became less, and by which right', () => {
    expect(hopTo('Assistant handed it to Bookkeeper')).toMatchObject({
      rule: 'A delegation between the two agents allows it',
      ruleHref: '/tenant/console/delegations',
      shrank: ['Scopes: 3 → 1; without pay, refund', 'Tools: 3 → 1 (read_invoice)', 'It ends 10 min earlier'],
      short: ['delegation', 'without pay, refund', 'Tools 3 → 1', 'ends 10 min earlier'],
    });
    expect(hopTo('Bookkeeper handed it to Ledger clerk of the second department')?.shrank).toEqual([
      'For Ledger instead of Invoices',
      'Scopes there: post',
      'Gone: Call tools of an MCP server',
      'It ends 3 min earlier',
      'Bound to another key',
    ]);
  });

  test('an amount that fell, a limit that came, and a type that is no longer known', () => {
    const { shrinkage } = createDetailWriter(() => createDetailTypes(builtInDetailTypes));
    const call = (more: object) => ({ type: 'api_call', actions: ['POST'], ...more });
    const amount = (value: string) => ({ max_amount: { amount: value, currency: 'EUR' } });
    expect(shrinkage([call(amount('200'))], [call(amount('50'))])).toEqual([
      { label: 'Amount', before: 'up to 200 EUR', after: 'up to 50 EUR' },
    ]);
    expect(shrinkage([call({})], [call(amount('50'))])).toEqual([{ label: 'Amount', before: 'no limit', after: 'up to 50 EUR' }]);
    expect(shrinkage([{ type: 'forgotten' }, call({})], [{ type: 'forgotten' }])).toEqual([
      { label: 'Call an HTTP API', before: 'allowed' },
    ]);
  });
});

describe('the tree and its drawing', () => {
  test('begin with the person, outline the token asked for, and count what is left out', () => {
    expect(tree).toMatchObject({ party: { kind: 'person', name: 'Mira Köhler' }, words: 'consented' });
    const all = nodesIn(tree);
    expect(all.filter(({ isFocus }) => isFocus).map(({ party }) => [party.name, party.now])).toEqual([['Bookkeeper', true]]);
    expect(all.map(({ state }) => state?.word)).toEqual([undefined, 'Live', 'Live', 'Live', 'Expired', 'Ended']);
    expect(all.flatMap(({ more }) => more ?? [])).toEqual([
      { words: 'and 1 more', href: '/tenant/console/tokens?parent=root' },
      { words: 'and 140 more', href: '/tenant/console/tokens?parent=focus' },
    ]);
  });

  test('only who may end a token is offered it, and only while it is alive', () => {
    const offered = (mayEnd: boolean) =>
      nodesIn(lineageTree(sampleLineage, { ...sampleContext, mayEnd })).flatMap(({ endHref }) => endHref ?? []);
    expect(offered(true)).toHaveLength(3);
    expect(offered(false)).toEqual([]);
  });

  test('every box stands in the picture and on none of the others', () => {
    const { nodes, edges, width, height } = draw(tree);
    expect([nodes.length, edges.length]).toEqual([8, 7]);
    for (const box of nodes) {
      expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height).toBe(true);
      const isApart = (other: typeof box) =>
        box.x + box.width <= other.x || other.x + other.width <= box.x || box.y + box.height <= other.y || other.y + other.height <= box.y;
      expect(nodes.filter((other) => other !== box && !isApart(other))).toEqual([]);
    }
    expect(draw(tree)).toEqual({ nodes, edges, width, height });
  });

  test('where the top is cut off, it says so and leads on', () => {
    const cut = lineageTree({ ...sampleLineage, above: [{ ...root, parentJti: 'higher' }] }, sampleContext);
    expect(cut).toMatchObject({ words: 'gave what all this came from, further up', href: '/tenant/console/tokens/root' });
  });
});
