import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { agreedTo, differenceOf, fingerprintOf, normalDigest, readRunning } from '../../src/agents/drift/drift.ts';
import { AppError } from '../../src/platform/errors.ts';

const hex = createHash('sha256').update('a').digest('hex');
const base64url = createHash('sha256').update('a').digest('base64url');
const normal = `sha-256:${base64url}`;

describe('a digest has one normal form', () => {
  test.each([`sha-256:${hex}`, `sha-256:${hex.toUpperCase()}`, `sha256:${hex}`, `SHA-256:${base64url}`, normal])('%s', (text) => {
    expect(normalDigest(text)).toBe(normal);
  });

  test('the spare bits of the last character make no other digest', () => {
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const spare = last[last.indexOf(base64url.slice(-1)) ^ 1] ?? '';
    expect(normalDigest(`sha-256:${base64url.slice(0, -1)}${spare}`)).toBe(normal);
  });

  test.each(['', hex, 'sha-256:', `sha-512:${hex}`, `sha-256:${hex}0`, `sha-256:${base64url}=`, `sha-256: ${hex}`, `sha-256:${hex}\n`])(
    'and %j is none',
    (text) => expect(normalDigest(text)).toBeUndefined(),
  );
});

describe('what a request says of the software', () => {
  test('nothing, a digest, a model', () => {
    expect(readRunning({ scope: 'read' })).toBeUndefined();
    expect(readRunning({ agent_manifest_digest: `sha256:${hex}` })).toEqual({ digest: normal, model: undefined });
    expect(readRunning({ agent_model: '{"name":" m1 "}' })).toEqual({ digest: undefined, model: { name: 'm1' } });
  });

  test.each([
    ['agent_manifest_digest', 'nonsense'],
    ['agent_manifest_digest', [normal, normal]],
    ['agent_model', 'nonsense'],
    ['agent_model', '[]'],
    ['agent_model', 'null'],
    ['agent_model', '{}'],
    ['agent_model', '{"name":1}'],
    ['agent_model', '{"name":""}'],
    ['agent_model', '{"name":"a\\u202eb"}'],
    ['agent_model', '{"name":"m","maker":"x"}'],
    ['agent_model', `{"name":"${'m'.repeat(121)}"}`],
    ['agent_model', `{"name":"m"}${' '.repeat(1_000)}`],
  ])('%s %j is refused by name', (name, value) => {
    const read = () => readRunning({ [name]: value });
    expect(read).toThrow(AppError);
    expect(read).toThrow(new RegExp(`^${name} is `));
  });

  test('no text breaks the reader', () => {
    fc.assert(
      fc.property(fc.string(), fc.oneof(fc.string(), fc.json()), (digest, model) => {
        try {
          readRunning({ agent_manifest_digest: digest, agent_model: model });
        } catch (error) {
          expect(error).toBeInstanceOf(AppError);
        }
      }),
    );
  });
});

describe('what runs against what was agreed', () => {
  const model = { provider: 'acme', name: 'm1', version: '1' };

  test.each([
    ['the same, in other words', { manifestDigest: `sha256:${hex}`, model }, { digest: normal, model }, [], []],
    [
      'another digest',
      { manifestDigest: `sha-256:${'0'.repeat(64)}`, model },
      { digest: normal, model: undefined },
      ['manifestDigest'],
      [],
    ],
    [
      'a digest of another kind',
      { manifestDigest: 'v1.2', model: undefined },
      { digest: normal, model: undefined },
      ['manifestDigest'],
      [],
    ],
    ['another version', { manifestDigest: undefined, model }, { digest: undefined, model: { version: '2' } }, ['model.version'], []],
    [
      'what the record leaves open',
      { manifestDigest: undefined, model: { name: 'm1' } },
      { digest: normal, model },
      [],
      ['manifestDigest', 'model.provider', 'model.version'],
    ],
    [
      'an empty record',
      { manifestDigest: undefined, model: { name: '' } },
      { digest: undefined, model: { name: 'm1' } },
      [],
      ['model.name'],
    ],
  ] as const)('%s', (_, agreed, running, contradicted, unrecorded) => {
    expect(differenceOf(agreed, running)).toEqual({ contradicted, unrecorded });
  });

  test('what was agreed to differs no more, and what was not presented stays', () => {
    const part = fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined });
    const anyModel = fc.option(fc.record({ provider: part, name: part, version: part }), { nil: undefined });
    fc.assert(
      fc.property(anyModel, anyModel, part, (was, is, digest) => {
        const running = { digest: digest === undefined ? undefined : normal, model: is };
        const agreed = agreedTo({ manifestDigest: 'old', model: was }, running);
        expect(differenceOf(agreed, running)).toEqual({ contradicted: [], unrecorded: [] });
        if (is?.name === undefined) expect(agreed.model?.name).toBe(was?.name);
      }),
    );
  });

  test('the same presentation has the same fingerprint, another one another', () => {
    const print = fingerprintOf({ digest: normal, model: { version: '1', name: 'm1' } });
    expect(fingerprintOf({ digest: normal, model: { name: 'm1', version: '1' } })).toBe(print);
    expect(fingerprintOf({ digest: normal, model: { name: 'm1', version: '2' } })).not.toBe(print);
    expect(fingerprintOf({ digest: normal, model: { name: 'm1', provider: '1' } })).not.toBe(print);
  });
});
