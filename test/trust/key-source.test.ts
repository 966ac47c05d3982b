import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../src/platform/clock.ts';
import { createLogger } from '../../src/platform/log.ts';
import { createOutgoing, type Outgoing } from '../../src/platform/outgoing/dispatcher.ts';
import { readKeySet } from '../../src/trust/keys/key-set.ts';
import { createKeySource, freshnessOf, type KeySource } from '../../src/trust/keys/key-source.ts';
import { clock, hours, minutes, seconds } from '../support/clock.ts';
import { type ForeignIssuer, startForeignIssuer } from '../support/foreign-issuer.ts';

let idp: ForeignIssuer;
let outgoing: Outgoing;
let source: KeySource;
const log = createLogger('silent');

beforeAll(async () => {
  idp = await startForeignIssuer();
  outgoing = createOutgoing({ allowLoopback: true, log });
});
beforeEach(() => {
  source = createKeySource({ outgoing, clock: systemClock });
  idp.answerWith(undefined);
});
afterEach(() => clock.reset());
afterAll(async () => {
  await outgoing.close();
  await idp.close();
});

const readsDuring = async (work: () => Promise<unknown>): Promise<number> => {
  const before = idp.reads();
  await work();
  return idp.reads() - before;
};

describe('keys are read as seldom as their headers allow (RFC 9111 §5.2.2.1)', () => {
  test('once for many who ask at once, and not again while they are fresh', async () => {
    const many = () => Promise.all(Array.from({ length: 20 }, () => source.keysAt(idp.jwksUri, 'k1')));
    expect(await readsDuring(many)).toBe(1);
    clock.advance(minutes(4));
    expect(await readsDuring(many)).toBe(0);
    clock.advance(minutes(2));
    expect(await readsDuring(many)).toBe(1);
  });

  test.each([
    ['no-store', undefined, 60],
    ['max-age=1', undefined, 60],
    ['max-age=600', '100', 500],
    ['max-age=99999999', undefined, 3_600],
    ['', undefined, 900],
  ])('%j with age %s holds for %s seconds', (control, age, expected) => {
    const headers = new Headers({ 'cache-control': control, ...(age === undefined ? {} : { age }) });
    expect(freshnessOf(headers)).toBe(expected * 1000);
  });

  test('a flood of invented key names asks once a minute', async () => {
    await source.keysAt(idp.jwksUri, 'k1');
    const flood = async () => {
      for (let number = 0; number < 50; number += 1) await source.keysAt(idp.jwksUri, `invented-${number}`);
    };
    expect(await readsDuring(flood)).toBe(0);
    clock.advance(seconds(61));
    expect(await readsDuring(flood)).toBe(1);
  });

  test('a key that is new at the issuer is found a minute after the last look', async () => {
    await source.keysAt(idp.jwksUri, 'k1');
    await idp.rotate('k2');
    clock.advance(seconds(61));
    const found = await source.keysAt(idp.jwksUri, 'k2');
    expect(found.ok && found.keys.map(({ kid }) => kid)).toEqual(['k2']);
    await idp.rotate('k1');
  });

  test('an issuer that is down is believed by the keys it had for half a day, and asked once a minute (RFC 5861 §4)', async () => {
    await source.keysAt(idp.jwksUri, 'k1');
    idp.answerWith((_request, response) => void response.writeHead(503).end());
    clock.advance(hours(1));
    const several = async () => {
      for (let time = 0; time < 5; time += 1) expect((await source.keysAt(idp.jwksUri, 'k1')).ok).toBe(true);
    };
    expect(await readsDuring(several)).toBe(1);
    clock.advance(hours(12));
    expect((await source.keysAt(idp.jwksUri, 'k1')).ok).toBe(false);
  });
});

describe('what an address answers is bounded (security rule R21)', () => {
  const faultOf = async () => {
    const found = await source.readNow(idp.jwksUri);
    return found.ok ? 'none' : found.reason;
  };

  test('a redirect is no answer', async () => {
    idp.answerWith((_request, response) => void response.writeHead(302, { location: `${idp.issuer}/elsewhere` }).end());
    expect(await faultOf()).toMatch(/redirect/);
  });

  test('a set of a megabyte, and one of a thousand keys, are too large', async () => {
    const key = idp.publicJwk;
    idp.answerWith((_request, response) => void response.end(JSON.stringify({ keys: [{ ...key, x5c: ['x'.repeat(1_000_000)] }] })));
    expect(await faultOf()).toMatch(/too large/);
    const many = { keys: Array.from({ length: 1_000 }, () => ({ kty: 'EC' })) };
    idp.answerWith((_request, response) => void response.end(JSON.stringify(many)));
    expect(await faultOf()).toMatch(/more than 50 keys/);
  });

  test('something that is no JSON, no set, or says 404', async () => {
    idp.answerWith((_request, response) => void response.end('<html>'));
    expect(await faultOf()).toBe('The answer is not JSON.');
    idp.answerWith((_request, response) => void response.end('[]'));
    expect(await faultOf()).toMatch(/no JWK set/);
    idp.answerWith((_request, response) => void response.writeHead(404).end());
    expect(await faultOf()).toBe('The host answered 404.');
  });

  test('one that never answers is given up after five seconds', async () => {
    idp.answerWith(() => undefined);
    expect(await faultOf()).toMatch(/too long/);
  }, 10_000);

  test.each(['https://169.254.169.254/jwks', 'https://10.0.0.1/jwks', 'https://[::ffff:127.0.0.1]/jwks', 'http://example.com/jwks'])(
    'the inner address %s is never asked',
    async (address) => {
      const strict = createOutgoing({ allowLoopback: false, log });
      const found = await createKeySource({ outgoing: strict, clock: systemClock }).readNow(address);
      expect(found.ok).toBe(false);
      await strict.close();
    },
  );
});

describe('a JWK set (RFC 7517 §5)', () => {
  const rsa = (length: number) => ({ kty: 'RSA', n: 'A'.repeat(length), e: 'AQAB' });

  test('keeps what verifies and leaves out what does not', () => {
    const encryption = { ...idp.publicJwk, use: 'enc' };
    const unknown = { kty: 'AKP', pub: 'x' };
    const read = readKeySet({ keys: [idp.publicJwk, encryption, unknown, rsa(200), 'text', null] });
    expect(read.ok && read.keys).toEqual([expect.objectContaining({ kid: 'k1', kty: 'EC' })]);
  });

  test('with a private or symmetric key it is refused whole', () => {
    for (const key of [
      { ...idp.publicJwk, d: 'x' },
      { kty: 'oct', k: 'x' },
    ])
      expect(readKeySet({ keys: [idp.publicJwk, key] }).ok).toBe(false);
  });

  test('without a key that verifies it is none', () => {
    expect(readKeySet({ keys: [] }).ok).toBe(false);
    expect(readKeySet({ keys: [rsa(342)] }).ok).toBe(true);
  });
});
