import { describe, expect, test } from '@jest/globals';
import { type DelegationRecord, decidePresenter, type PresenterFacts } from '../../src/token-exchange/presenter.ts';

const iss = 'https://as.example';
const agent = (name: string) => ({ iss, sub: `agt_${name}`, sub_profile: 'ai_agent' });
const record: DelegationRecord = {
  id: 'dlg_1',
  from: agent('a'),
  to: agent('b'),
  resources: ['https://b.example'],
  scopes: ['read'],
  detailTypes: ['api_call'],
  until: new Date('2026-01-02T00:00:00Z'),
  hidesActor: false,
};

interface Changes {
  client?: Partial<PresenterFacts['client']>;
  subjectToken?: Partial<PresenterFacts['subjectToken']>;
  requested?: Partial<PresenterFacts['requested']>;
  rest?: Partial<PresenterFacts>;
}

/** By default: client `other`, linked to agent b, holding a token that was issued to `mine` and in which agent a acts. */
function decided({ client, subjectToken, requested, rest }: Changes = {}) {
  return decidePresenter({
    client: { id: 'other', isAuthenticated: true, proof: {}, ...client },
    subjectToken: {
      iss,
      clientId: 'mine',
      isEntrusted: false,
      cnf: undefined,
      mayAct: undefined,
      outermostActor: agent('a'),
      ...subjectToken,
    },
    resourceServer: { clientIds: ['rs'], downstreamResources: ['https://b.example'] },
    actor: agent('b'),
    isActorProven: false,
    delegations: [],
    requested: { resource: 'https://b.example', scopes: undefined, detailTypes: undefined, ...requested },
    now: new Date('2026-01-01T00:00:00Z'),
    ...rest,
  });
}

const allowed = (basis: string) => ({ allowed: true, basis });
const unauthorized = { allowed: false, error: 'actor_unauthorized' };
const withRecord = (change: Partial<DelegationRecord> = {}) => ({ delegations: [{ ...record, ...change }] });

describe('R1: who may exchange a token', () => {
  test('a stranger may not, even with good credentials', () => {
    expect(decided()).toMatchObject(unauthorized);
  });

  test('R4: nobody without authentication, the owner included', () => {
    expect(decided({ client: { id: 'mine', isAuthenticated: false } })).toMatchObject({ allowed: false, error: 'unauthorized_client' });
  });

  describe('(a) the client it was issued to', () => {
    const mine = (cnf: unknown, proof: PresenterFacts['client']['proof'] = {}) =>
      decided({ client: { id: 'mine', proof }, subjectToken: { cnf } });
    test.each<[string, unknown, PresenterFacts['client']['proof'], object]>([
      ['an unbound token', undefined, {}, allowed('issued_to')],
      ['the bound key', { jkt: 'k1' }, { jkt: 'k1' }, allowed('issued_to')],
      ['the bound certificate', { 'x5t#S256': 'c1' }, { 'x5t#S256': 'c1' }, allowed('issued_to')],
      ['no proof', { jkt: 'k1' }, {}, unauthorized],
      ['another key', { jkt: 'k1' }, { jkt: 'k2' }, unauthorized],
      ['one of two bindings', { jkt: 'k1', 'x5t#S256': 'c1' }, { jkt: 'k1' }, unauthorized],
      ['a binding nobody here can check', { kid: 'k1' }, { jkt: 'k1' }, unauthorized],
      ['an empty binding', {}, {}, unauthorized],
      ['a binding that is no object', 'k1', { jkt: 'k1' }, unauthorized],
      ['an inherited name as binding', JSON.parse('{"constructor":"x"}'), {}, unauthorized],
    ])('%s', (_, cnf, proof, expected) => {
      expect(mine(cnf, proof)).toMatchObject(expected);
    });

    test('a missing proof is not made up for by may_act or a delegation', () => {
      const changes = { client: { id: 'mine' }, subjectToken: { cnf: { jkt: 'k1' }, mayAct: { client_id: 'mine' } }, rest: withRecord() };
      expect(decided(changes)).toMatchObject(unauthorized);
    });

    test('may leave the chain as it is', () => {
      expect(decided({ client: { id: 'mine' }, rest: { actor: undefined } })).toMatchObject(allowed('issued_to'));
    });
  });

  describe('(b) a client of the resource server in aud', () => {
    const actor = { iss, sub: 'svc_1', sub_profile: 'service' };
    test('towards its downstream resources and no others', () => {
      expect(decided({ client: { id: 'rs' }, rest: { actor } })).toMatchObject(allowed('resource_server'));
      expect(decided({ client: { id: 'rs' }, rest: { actor }, requested: { resource: 'https://c.example' } })).toMatchObject(unauthorized);
    });

    test('never without acting in its own name, nor without a record', () => {
      expect(decided({ client: { id: 'rs' }, rest: { actor: undefined } })).toMatchObject(unauthorized);
      expect(decided({ client: { id: 'rs' }, rest: { actor, resourceServer: undefined } })).toMatchObject(unauthorized);
    });
  });

  describe('(c) RFC 8693 §4.4 may_act', () => {
    test.each<[string, unknown, object]>([
      ['the actor by sub', { sub: 'agt_b' }, allowed('may_act')],
      ['the actor by sub and iss', { iss, sub: 'agt_b' }, allowed('may_act')],
      ['the actor by sub and profile', { sub: 'agt_b', sub_profile: 'ai_agent' }, allowed('may_act')],
      ['another profile', { sub: 'agt_b', sub_profile: 'service' }, unauthorized],
      ['the client', { client_id: 'other' }, allowed('may_act')],
      ['another sub', { sub: 'agt_c' }, unauthorized],
      ['the same sub of another issuer', { iss: 'https://evil.example', sub: 'agt_b' }, unauthorized],
      ['the right sub, another client', { sub: 'agt_b', client_id: 'mine' }, unauthorized],
      ['a claim nobody here knows', { sub: 'agt_b', group: 'ops' }, unauthorized],
      ['nobody in particular', { iss }, unauthorized],
      ['nobody at all', {}, unauthorized],
      ['a list', ['agt_b'], unauthorized],
    ])('names %s', (_, mayAct, expected) => {
      expect(decided({ subjectToken: { mayAct } })).toMatchObject(expected);
    });

    test('§2.1: a proven actor that may_act does not name is refused on every basis', () => {
      const changes = { client: { id: 'mine' }, subjectToken: { mayAct: { sub: 'agt_c' } } };
      expect(decided({ ...changes, rest: { isActorProven: true } })).toMatchObject(unauthorized);
      expect(decided(changes)).toMatchObject(allowed('issued_to'));
    });

    test('a named client without an actor of its own may not continue the chain of another', () => {
      expect(decided({ subjectToken: { mayAct: { client_id: 'other' } }, rest: { actor: undefined } })).toMatchObject(unauthorized);
    });
  });

  describe('(d) a delegation record', () => {
    test('allows, and brings its limits', () => {
      expect(decided({ rest: withRecord() })).toEqual({
        allowed: true,
        basis: 'delegation',
        limits: { scopes: ['read'], detailTypes: ['api_call'] },
        delegationId: 'dlg_1',
      });
    });

    test('the record that covers the request is chosen', () => {
      const rest = {
        delegations: [
          { ...record, scopes: [] },
          { ...record, id: 'dlg_2', scopes: ['read', 'write'] },
        ],
      };
      expect(decided({ rest, requested: { scopes: ['write'] } })).toMatchObject({ allowed: true, delegationId: 'dlg_2' });
    });

    test.each<[string, Partial<DelegationRecord>, Changes['requested']]>([
      ['from another agent', { from: agent('x') }, {}],
      ['to another agent', { to: agent('x') }, {}],
      ['ended this very second', { until: new Date('2026-01-01T00:00:00Z') }, {}],
      ['without a valid end', { until: new Date(Number.NaN) }, {}],
      ['for another resource', { resources: ['https://c.example'] }, {}],
      ['for another scope', {}, { scopes: ['read', 'write'] }],
      ['for another detail type', {}, { detailTypes: ['mcp_tool_call'] }],
    ])('%s does not count', (_, change, requested = {}) => {
      expect(decided({ rest: withRecord(change), requested })).toMatchObject(unauthorized);
    });

    test('a token in which nobody acts cannot be handed over', () => {
      expect(decided({ subjectToken: { outermostActor: undefined }, rest: withRecord() })).toMatchObject(unauthorized);
    });

    test('a record from an agent to itself opens nothing', () => {
      expect(decided({ rest: { ...withRecord({ to: agent('a') }), actor: agent('a') } })).toMatchObject(unauthorized);
    });
  });
});

describe('a token of another issuer', () => {
  const foreign = { iss: 'https://other.example', clientId: '', outermostActor: undefined };

  test('only agents that the trust record names, or the token itself by may_act, bring it', () => {
    expect(decided({ subjectToken: foreign })).toMatchObject(unauthorized);
    expect(decided({ subjectToken: { ...foreign, isEntrusted: true } })).toEqual(allowed('trust_record'));
    expect(decided({ subjectToken: { ...foreign, mayAct: { iss, sub: 'agt_b' } } })).toEqual(allowed('may_act'));
    // without an issuer the name belongs to whoever signed the token
    expect(decided({ subjectToken: { ...foreign, mayAct: { sub: 'agt_b' } } })).toMatchObject(unauthorized);
    expect(decided({ subjectToken: { ...foreign, isEntrusted: true }, rest: { actor: undefined } })).toMatchObject(unauthorized);
  });

  test('its key has to be proved, whoever brings it', () => {
    const bound = { ...foreign, isEntrusted: true, cnf: { jkt: 'k' } };
    expect(decided({ subjectToken: bound })).toMatchObject(unauthorized);
    expect(decided({ subjectToken: bound, client: { proof: { jkt: 'other' } } })).toMatchObject(unauthorized);
    expect(decided({ subjectToken: bound, client: { proof: { jkt: 'k' } } })).toEqual(allowed('trust_record'));
  });
});

test('a record that leaves the actor unnamed counts only where none names it', () => {
  const hiding = { ...record, id: 'dlg_0', hidesActor: true };
  expect(decided({ rest: { delegations: [hiding] } })).toMatchObject({ delegationId: 'dlg_0', hidesActor: true });
  expect(decided({ rest: { delegations: [hiding, record] } })).toEqual({
    ...allowed('delegation'),
    delegationId: 'dlg_1',
    limits: { scopes: ['read'], detailTypes: ['api_call'] },
  });
});
