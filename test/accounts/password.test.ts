import { describe, expect, test } from '@jest/globals';
import * as argon2 from 'argon2';
import { createPasswords, PASSWORD_COST } from '../../src/accounts/password.ts';

const about = { email: 'mira@acme.test' };
const cheap = { memoryCost: 1024, timeCost: 2, parallelism: 1 };

test('R16: hashes are argon2id with 19 MiB, two passes and one lane', async () => {
  const hash = await createPasswords().hash('correct horse battery', about);
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,p=1,t=2\$/);
  expect(PASSWORD_COST).toEqual({ memoryCost: 19_456, timeCost: 2, parallelism: 1 });
});

test('a right password is right, a wrong one is not, and two hashes of one password differ', async () => {
  const passwords = createPasswords(cheap);
  const [one, two] = await Promise.all([passwords.hash('correct horse battery', about), passwords.hash('correct horse battery', about)]);
  expect(one).not.toBe(two);
  await expect(passwords.verify(one, 'correct horse battery')).resolves.toEqual({ isRight: true });
  await expect(passwords.verify(one, 'correct horse battery ')).resolves.toEqual({ isRight: false });
});

test('RFC 8265 §4.2: the same text in another normal form is the same password', async () => {
  const passwords = createPasswords(cheap);
  const stored = await passwords.hash('Kö\u0308nigin der Nacht', about);
  await expect(passwords.verify(stored, 'K\u00f6\u0308nigin der Nacht')).resolves.toMatchObject({ isRight: true });
  const wide = await passwords.hash('ｐａｓｓｗｏｒｄｐａｓｓｗｏｒｄ', about);
  await expect(passwords.verify(wide, 'passwordpassword')).resolves.toMatchObject({ isRight: true });
});

test('a hash with other parameters is replaced by one with those in force', async () => {
  const stored = await createPasswords(cheap).hash('correct horse battery', about);
  const stronger = createPasswords({ ...cheap, timeCost: 3 });
  const { isRight, replacement = '' } = await stronger.verify(stored, 'correct horse battery');
  expect(isRight).toBe(true);
  expect(replacement).toContain('t=3');
  await expect(argon2.verify(replacement, 'correct horse battery')).resolves.toBe(true);
  expect((await stronger.verify(stored, 'wrong wrong wrong')).replacement).toBeUndefined();
});

describe('refuses', () => {
  test.each([
    ['eleven chars', 'elevenchars'],
    ['too long', 'x'.repeat(257)],
    ['the address in other letters', 'MIRA@acme.test'],
  ])('%s', async (_name, password) => {
    await expect(createPasswords(cheap).hash(password, about)).rejects.toMatchObject({
      code: 'invalid_input',
      details: { member: 'password' },
    });
  });

  test('nothing that lies between', async () => {
    const passwords = createPasswords(cheap);
    for (const password of ['twelve chars', 'x'.repeat(256), '🙂'.repeat(12)]) {
      await expect(passwords.verify(await passwords.hash(password, about), password)).resolves.toEqual({ isRight: true });
    }
  });
});

test('an unknown person costs what a known one costs', async () => {
  const passwords = createPasswords();
  const stored = await passwords.hash('correct horse battery', about);
  const timed = async (hash: string | undefined) => {
    const begun = performance.now();
    expect((await passwords.verify(hash, 'some wrong password')).isRight).toBe(false);
    return performance.now() - begun;
  };
  // the quickest of several: whatever else the machine does only ever adds time
  let [known, unknown] = [Infinity, Infinity];
  for (let round = 0; round < 5; round += 1) {
    known = Math.min(known, await timed(stored));
    unknown = Math.min(unknown, await timed(undefined));
  }
  expect(unknown).toBeGreaterThan(known / 3);
  expect(unknown).toBeLessThan(known * 3);
});

test('R16: two at a time, a bounded queue, and refusal beyond it', async () => {
  const passwords = createPasswords();
  const stored = await passwords.hash('correct horse battery', about);
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => passwords.verify(stored, 'correct horse battery')));
  const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(32);
  expect(refused).toHaveLength(8);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'too_many_requests', details: { retryAfterSeconds: 5 } });
  await expect(passwords.verify(stored, 'correct horse battery')).resolves.toEqual({ isRight: true });
});
