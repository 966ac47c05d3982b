import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ActClaim, type Actor, actorsOf, extendActChain, readActChain } from '../../src/token-exchange/act-chain.ts';

const iss = 'https://as.example';
const subject = { iss, sub: 'usr_7' };
const agent = (name: string): Actor => ({ iss, sub: `agt_${name}`, sub_profile: 'ai_agent' });
/** The first name is the newest actor. */
const chain = (...names: string[]): ActClaim | undefined =>
  names.reduceRight<ActClaim | undefined>((act, name) => ({ ...agent(name), ...(act && { act }) }), undefined);
const extend = (inbound: ActClaim | undefined, actor: Actor | undefined, maxDepth = 4) =>
  extendActChain({ subject, inbound, actor, maxDepth });

describe('RFC 8693 §4.1: the act chain', () => {
  test('the newest actor is outermost and the inbound chain stays inside, unchanged', () => {
    const inbound = chain('b', 'a');
    expect(extend(inbound, agent('c'))).toEqual({ ok: true, value: { ...agent('c'), act: inbound } });
    expect(extend(undefined, agent('a'))).toEqual({ ok: true, value: agent('a') });
  });

  test('R3: the outermost actor is not wrapped again, whatever profile it comes with', () => {
    const inbound = chain('b', 'a');
    expect(extend(inbound, { iss, sub: 'agt_b' })).toEqual({ ok: true, value: inbound });
  });

  test('the same sub of another issuer is another actor', () => {
    expect(extend(chain('a'), { iss: 'https://other.example', sub: 'agt_a' })).toEqual({
      ok: true,
      value: { iss: 'https://other.example', sub: 'agt_a', act: chain('a') },
    });
  });

  test('a subject that acts for itself gets no act', () => {
    expect(extendActChain({ subject: agent('a'), inbound: undefined, actor: agent('a'), maxDepth: 4 })).toEqual({
      ok: true,
      value: undefined,
    });
  });

  test.each([
    ['an actor that stands deeper', chain('c', 'b', 'a'), agent('a')],
    ['the subject acting on those who act for it', chain('a'), { iss, sub: 'usr_7' }],
  ])('a loop is refused: %s', (_, inbound, actor) => {
    expect(extend(inbound, actor)).toMatchObject({ ok: false, refusal: { error: 'invalid_request' } });
  });

  test('Actor Profile: a chain beyond the bound is refused, never cut, continuation included', () => {
    expect(extend(chain('c', 'b', 'a'), agent('d'))).toMatchObject({ ok: true });
    expect(extend(chain('d', 'c', 'b', 'a'), agent('e'))).toMatchObject({ ok: false, refusal: { error: 'invalid_request' } });
    expect(extend(chain('d', 'c', 'b', 'a'), agent('d'))).toMatchObject({ ok: true });
    expect(extend(chain('c', 'b', 'a'), undefined, 2)).toMatchObject({ ok: false, refusal: { error: 'invalid_request' } });
  });

  test('no sequence of exchanges drops, edits or repeats an actor', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 10 }), (names) => {
        let held: ActClaim | undefined;
        for (const name of names) {
          const before = actorsOf(held).map(({ sub }) => sub);
          const next = extend(held, agent(name));
          if (!next.ok) continue;
          held = next.value;
          expect(
            actorsOf(held)
              .map(({ sub }) => sub)
              .slice(-before.length || Number.POSITIVE_INFINITY),
          ).toEqual(before);
          expect(held?.sub).toBe(`agt_${name}`);
        }
        const subs = actorsOf(held).map(({ sub }) => sub);
        expect(new Set(subs).size).toBe(subs.length);
        expect(subs.length).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe('an inbound chain is read or refused, never repaired (Actor Profile)', () => {
  test('a well-formed chain comes back as it is', () => {
    const inbound = chain('b', 'a');
    expect(readActChain(inbound)).toEqual({ ok: true, value: inbound });
    expect(readActChain(undefined)).toEqual({ ok: true, value: undefined });
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'agt_a'],
    ['a list', [agent('a')]],
    ['no iss', { sub: 'agt_a' }],
    ['no sub', { iss }],
    ['an empty sub', { iss, sub: '' }],
    ['a sub that is no text', { iss, sub: 7 }],
    ['a profile that is no text', { ...agent('a'), sub_profile: ['ai_agent'] }],
    ['an endless sub', { iss, sub: 'x'.repeat(513) }],
    ['a member that is no identity claim', { ...agent('a'), exp: 1 }],
    ['a key inside the chain', { ...agent('a'), cnf: { jkt: 'x' } }],
    ['a broken inner actor', { ...agent('b'), act: { sub: 'agt_a' } }],
    ['an inner null', { ...agent('b'), act: null }],
    ['an actor twice', { ...agent('a'), act: { ...agent('b'), act: agent('a') } }],
    ['seventeen actors', chain(...Array.from({ length: 17 }, (_, index) => String(index)))],
  ])('refuses %s', (_, claim) => {
    expect(readActChain(claim)).toMatchObject({ ok: false, refusal: { error: 'invalid_request' } });
  });
});
