import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { JSON_POINTER, matchesAll, valueAt, weaknessesOf } from '../../src/trust/claim-rules.ts';

const GITHUB = 'https://token.actions.githubusercontent.com';
const rule = (pointer: string, ...values: string[]) => ({ pointer, values });

describe('a JSON pointer (RFC 6901)', () => {
  test.each([
    ['/sub', 'a'],
    ['/kubernetes.io/serviceaccount/uid', 'u'],
    ['/with~1slash', 1],
    ['/with~0tilde', true],
    ['/groups/1', 'second'],
    ['/groups/2', undefined],
    ['/constructor', undefined],
    ['/__proto__/x', undefined],
  ])('§4 %s', (pointer, expected) => {
    const claims = {
      ...{ sub: 'a', 'with/slash': 1, 'with~tilde': true, groups: ['first', 'second'] },
      'kubernetes.io': { serviceaccount: { uid: 'u' } },
    };
    expect(valueAt(claims, pointer)).toBe(expected);
  });

  test('§3 what is none is not kept', () => {
    for (const text of ['', 'sub', '/a~2', '/a~']) expect([text, JSON_POINTER.test(text)]).toEqual([text, false]);
    for (const text of ['/', '/a', '/a~0b/c~1d']) expect([text, JSON_POINTER.test(text)]).toEqual([text, true]);
  });
});

describe('rules match letter by letter', () => {
  test('every rule must hold; one of its values is enough', () => {
    const claims = { repository_id: '42', ref: 'refs/heads/main', run: 7, protected: true };
    expect(matchesAll(claims, [rule('/repository_id', '41', '42'), rule('/run', '7'), rule('/protected', 'true')])).toBe(true);
    expect(matchesAll(claims, [rule('/repository_id', '42'), rule('/ref', 'refs/heads/dev')])).toBe(false);
    expect(matchesAll(claims, [rule('/environment', 'undefined')])).toBe(false);
  });

  test('a list, an object and null are no text', () => {
    for (const value of [['42'], { 0: '42' }, null]) expect(matchesAll({ id: value }, [rule('/id', '42', 'null')])).toBe(false);
  });

  test('another text never matches, however alike', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ minLength: 1 }),
        (claim, value) => matchesAll({ id: claim }, [rule('/id', value)]) === (claim === value),
      ),
    );
  });

  test('runs that a pull request started are let in only by a rule that says so', () => {
    const claims = { repository_id: '42', event_name: 'pull_request' };
    expect(matchesAll(claims, [rule('/repository_id', '42')])).toBe(false);
    expect(matchesAll(claims, [rule('/repository_id', '42'), rule('/event_name', 'pull_request')])).toBe(true);
  });
});

describe('what is weak is said in words', () => {
  test('names of repositories and service accounts can come to belong to others', () => {
    const byName = weaknessesOf({ issuer: GITHUB, rules: [rule('/repository', 'acme/tickets')] });
    expect(byName.join(' ')).toMatch(/repository_id.*branch/);
    const pod = weaknessesOf({ issuer: 'https://k8s', rules: [rule('/sub', 'system:serviceaccount:prod:reader')] });
    expect(pod.join(' ')).toMatch(/serviceaccount\/uid/);
  });

  test('numbers that are never given out again are not', () => {
    expect(weaknessesOf({ issuer: GITHUB, rules: [rule('/repository_id', '42'), rule('/ref', 'refs/heads/main')] })).toEqual([]);
    expect(weaknessesOf({ issuer: 'https://k8s', rules: [rule('/kubernetes.io/serviceaccount/uid', '5c1b')] })).toEqual([]);
  });
});
