import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { changedMembers, decisiveChanges, readCard } from '../../src/agents/cards/card.ts';
import { readCardUrl } from '../../src/agents/cards/fetching.ts';
import { nextReading, nextTry } from '../../src/agents/cards/pace.ts';
import { v1 } from './agent-card-sample.ts';

const read = (card: object) => readCard(JSON.stringify(card));

describe('a card', () => {
  test('A2A v1.0 §4.4.1: is reduced to what people decide by', () => {
    expect(read(v1).facts).toEqual({
      name: 'Route planner',
      description: 'Plans routes.\nKnows the traffic.',
      version: '1.2.0',
      provider: { organization: 'Example Geo', url: 'https://www.geo.test' },
      interfaces: [
        { url: 'https://geo.test/a2a/v1', binding: 'JSONRPC' },
        { url: 'https://geo.test/a2a/grpc', binding: 'GRPC' },
      ],
      securitySchemes: [{ name: 'google', kind: 'openIdConnect', digest: expect.stringMatching(/^sha-256:/) }],
      skills: [{ name: 'Optimise routes', description: 'Finds the best way.' }],
      keys: ['ES256 key-1 https://geo.test/jwks.json'],
    });
  });

  test('of the older form, with one url, is read too', () => {
    const { supportedInterfaces: _, securitySchemes: __, ...rest } = v1;
    const old = {
      ...rest,
      url: 'https://geo.test/a2a',
      preferredTransport: 'JSONRPC',
      additionalInterfaces: [
        { url: 'https://geo.test/a2a', transport: 'JSONRPC' },
        { url: 'https://geo.test/rest', transport: 'HTTP+JSON' },
      ],
      securitySchemes: { key: { type: 'apiKey', in: 'header', name: 'X-Key' } },
    };
    const { facts } = read(old);
    expect(facts.interfaces).toEqual([
      { url: 'https://geo.test/a2a', binding: 'JSONRPC' },
      { url: 'https://geo.test/rest', binding: 'HTTP+JSON' },
    ]);
    expect(facts.securitySchemes.map(({ name, kind }) => [name, kind])).toEqual([['key', 'apiKey']]);
  });

  const deep = (levels: number): object => (levels === 0 ? {} : { deeper: deep(levels - 1) });
  const refused: [string, string, RegExp][] = [
    ['what is not JSON', '<html>', /not JSON/],
    ['what is no object', '[]', /not a JSON object/],
    ['a card nested too deep', JSON.stringify({ ...v1, extra: deep(20) }), /deeper than 20/],
    [
      'too many members',
      JSON.stringify({ ...v1, ...Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`m${i}`, i])) }),
      /64 members/,
    ],
    ['no name', JSON.stringify({ ...v1, name: undefined }), /name is/],
    ['a name that turns what follows', JSON.stringify({ ...v1, name: 'Route \u202eplanner' }), /name is empty or holds invisible/],
    ['a name with a NUL', JSON.stringify({ ...v1, name: 'Route\u0000' }), /invisible/],
    ['a description that hides', JSON.stringify({ ...v1, description: 'a\u200bb' }), /description holds invisible/],
    ['a provider that is a text', JSON.stringify({ ...v1, provider: 'Geo' }), /provider is missing or not/],
    ['nowhere to answer', JSON.stringify({ ...v1, supportedInterfaces: [] }), /where the agent answers/],
    ['too many interfaces', JSON.stringify({ ...v1, supportedInterfaces: Array(21).fill({ url: 'https://geo.test' }) }), /at most 20/],
    ['too many skills', JSON.stringify({ ...v1, skills: Array(201).fill({ name: 'x' }) }), /at most 200/],
    ['a number beyond all bounds', JSON.stringify({ ...v1, extra: 0 }).replace('"extra":0', '"extra":1e999'), /canonical form/],
  ];
  test.each(refused)('is refused with %s', (_what, text, words) => expect(() => readCard(text)).toThrow(words));

  test('of any content is read or refused in words, never otherwise, and what is kept is bounded and visible', () => {
    const odd = fc.record(
      {
        name: fc.oneof(fc.string(), fc.constant('x'.repeat(500)), fc.jsonValue()),
        description: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
        supportedInterfaces: fc.oneof(fc.array(fc.record({ url: fc.string({ minLength: 1 }) })), fc.jsonValue()),
        securitySchemes: fc.oneof(fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.jsonValue())), fc.jsonValue()),
        signatures: fc.oneof(fc.array(fc.record({ protected: fc.base64String() })), fc.jsonValue()),
        skills: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(odd, fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 5 }), (card, more) => {
        try {
          const { facts, members } = read({ ...more, ...card });
          expect(facts.name.length).toBeLessThanOrEqual(240);
          expect(JSON.stringify(facts)).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
          expect(Object.keys(members).join('')).not.toMatch(/[^\w.:$@-]/);
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid_input' });
        }
      }),
    );
  });
});

describe('a change of a card', () => {
  const changes = (after: object) => {
    const [old, now] = [read(v1), read(after)];
    return [changedMembers(old.members, now.members), decisiveChanges(old.facts, now.facts), old.contentHash === now.contentHash];
  };

  test('is none when only the order, the spaces or the bytes of a signature differ', () => {
    const turned = Object.fromEntries(Object.entries(v1).reverse());
    expect(changes({ ...turned, signatures: [{ ...v1.signatures[0], signature: 'other' }] })).toEqual([[], [], true]);
  });

  test('is named by its members, unknown ones too', () => {
    expect(changes({ ...v1, version: '1.3.0', x_new: 1, 'odd name': 2 })).toEqual([['others', 'version', 'x_new'], [], false]);
    expect(changes({ ...v1, skills: [] })).toEqual([['skills'], [], false]);
  });

  test.each([
    ['provider', { provider: { organization: 'Somebody else', url: 'https://www.geo.test' } }, 'its provider'],
    ['supportedInterfaces', { supportedInterfaces: [{ url: 'https://evil.test/a2a' }] }, 'where it answers'],
    ['securitySchemes', { securitySchemes: {} }, 'how callers prove themselves'],
    ['signatures', { signatures: [] }, 'the key that signs it'],
  ])('of %s is decisive', (member, change, words) => {
    expect(changes({ ...v1, ...change }).slice(0, 2)).toEqual([[member], [words]]);
  });
});

describe('where and when cards are read', () => {
  test('a host alone means its well-known card; fragments are dropped', () => {
    expect(readCardUrl(' https://geo.test ').href).toBe('https://geo.test/.well-known/agent-card.json');
    expect(readCardUrl('https://geo.test/cards/7.json#x').href).toBe('https://geo.test/cards/7.json');
  });

  test.each([
    '',
    'geo.test',
    'ftp://geo.test/card',
    'https://user@geo.test/card',
    'file:///etc/passwd',
    `https://geo.test/${'x'.repeat(512)}`,
  ])('%s is no address of a card', (text) => expect(() => readCardUrl(text)).toThrow());

  test('each about hourly at its own pace; after failures ever later, at last once a day', () => {
    const at = new Date('2026-06-01T12:00:00Z');
    const minutes = Array.from({ length: 200 }, (_, index) => (nextReading(`agt_${index}`, at).getTime() - at.getTime()) / 60_000);
    expect(Math.min(...minutes)).toBeGreaterThanOrEqual(45);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(75);
    expect(new Set(minutes.map(Math.floor)).size).toBeGreaterThan(20);
    const pauses = [0, 1, 2, 20, 1e6].map((failures) => (nextTry(failures, at).getTime() - at.getTime()) / 60_000);
    expect(pauses).toEqual([15, 30, 60, 1440, 1440]);
  });
});
