import { builtInDetailTypes, createDetailTypes, createDetailWriter } from '../../src/authorization-details/index.ts';
import type { Lineage, LineageToken } from '../../src/tokens/lineage/lineage.ts';
import type { LineageContext } from '../../src/tokens/lineage/present.ts';

const ISSUER = 'https://as.example';
const INVOICES = 'https://invoices.acme.test/mcp';
const LEDGER = 'https://ledger.acme.test';
const NOW = new Date('2026-11-21T15:00:00Z');
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const agent = (name: string) => `agt_0193f5a27c1e7b4a9d03c2${name}81ee0246`;

const NAMES: ReadonlyMap<string, string> = new Map([
  ['usr_mira', 'Mira Köhler'],
  [agent('as01'), 'Assistant'],
  [agent('bk02'), 'Bookkeeper'],
  [agent('cl03'), 'Ledger clerk of the second department'],
  [INVOICES, 'Invoices'],
  [LEDGER, 'Ledger'],
]);

/** What the presenters are given besides a lineage. */
export const sampleContext: LineageContext = {
  names: NAMES,
  now: NOW,
  basePath: '/tenant',
  mayEnd: true,
  details: createDetailWriter(() => createDetailTypes(builtInDetailTypes)),
};

type Given = Partial<LineageToken> & Pick<LineageToken, 'jti'> & { readonly actors: readonly string[] };

function token({ actors, ...given }: Given): LineageToken {
  const act = actors.reduce<LineageToken['act']>(
    (inner, sub) => ({ iss: ISSUER, sub, sub_profile: 'ai_agent', ...(inner === undefined ? {} : { act: inner }) }),
    undefined,
  );
  return {
    ...{ kind: 'AccessToken', clientId: 'client', subject: 'usr_mira', subjectProfile: 'user', accountId: 'usr_mira' },
    ...{ agentId: actors.at(-1), agentIds: [...actors], actorSource: 'linked_agent', grantHash: undefined, familyHash: undefined },
    ...{ parentJti: undefined, grantType: 'urn:ietf:params:oauth:grant-type:token-exchange', basis: undefined, delegationId: undefined },
    ...{
      rootJti: 'root',
      depth: 0,
      resource: INVOICES,
      scope: '',
      details: undefined,
      cnf: undefined,
      acr: undefined,
      authTime: undefined,
    },
    ...{ approval: undefined, approvalId: undefined, decisionId: 'dec_0193f5a27c1e7b4a9d03c2000081ee02' },
    ...{ issuedAt: at(-60), expiresAt: at(240), endedAt: undefined, endCause: undefined, isLive: true, childCount: 0 },
    act,
    ...given,
  };
}

const tools = (...names: string[]) => [{ type: 'mcp_tool_call', tools: names, locations: [INVOICES] }];
const [assistant, bookkeeper, clerk] = [agent('as01'), agent('bk02'), agent('cl03')];

/** Mira → Assistant → Bookkeeper → Ledger clerk, with what was made beside it, and more than is shown. */
export const sampleLineage: Lineage = {
  above: [
    token({
      ...{ jti: 'root', actors: [assistant], grantType: 'authorization_code', scope: 'read pay refund', expiresAt: at(840) },
      ...{ details: tools('read_invoice', 'pay_invoice', 'refund_invoice'), childCount: 3 },
    }),
  ],
  focus: token({
    ...{ jti: 'focus', parentJti: 'root', depth: 1, actors: [assistant, bookkeeper], scope: 'read', childCount: 142 },
    ...{ basis: 'delegation', delegationId: 'dlg_0193', details: tools('read_invoice') },
  }),
  beside: [
    token({
      jti: 'wider',
      parentJti: 'root',
      depth: 1,
      actors: [assistant],
      scope: 'read pay',
      basis: 'issued_to',
      isLive: false,
      endedAt: at(-20),
    }),
  ],
  below: [
    token({
      ...{ jti: 'ledger', parentJti: 'focus', depth: 2, actors: [assistant, bookkeeper, clerk], resource: LEDGER, scope: 'post' },
      ...{ basis: 'resource_server', expiresAt: at(60), cnf: { jkt: 'a-thumbprint' } },
    }),
    token({
      jti: 'late',
      parentJti: 'focus',
      depth: 2,
      actors: [assistant, bookkeeper],
      basis: 'issued_to',
      isLive: false,
      expiresAt: at(-5),
    }),
  ],
};
