import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { genesisHash, type SealedEvent, seal, verifyChain } from '../../src/audit/chain.ts';
import { type AuditEvent, auditEventTypes, checkAuditEvent, digest, isAuditEventType } from '../../src/audit/event.ts';

const suspended: AuditEvent = {
  id: 'evt_1',
  type: 'agent.suspended',
  occurredAt: new Date('2026-01-01T00:00:00.123Z'),
  actor: { kind: 'account', id: 'usr_1' },
  correlationId: 'req_1',
  agentId: 'agt_1',
  cause: 'owner_request',
};

const sealedList = (count: number): SealedEvent[] => {
  const events = Array.from({ length: count }, (_, index): AuditEvent => ({ ...suspended, id: `evt_${index}` }));
  const digests = events.map(digest);
  const hashes = seal(genesisHash, digests);
  return events.map((event, index) => ({ position: index + 1, event, digest: digests[index] ?? '', hash: hashes[index] ?? '' }));
};

describe('audit events', () => {
  test('the names are past tense, dotted and closed', () => {
    for (const type of auditEventTypes) expect(type).toMatch(/^[a-z_]+\.([a-z_]*ed|made|withdrawn)$/);
    expect(auditEventTypes).toEqual(
      expect.arrayContaining([
        'agent.suspended',
        'token.issued',
        'token.refused',
        'approval.decided',
        'sign_in.failed',
        'client.registered',
        'grant.revoked',
      ]),
    );
    expect(isAuditEventType('agent.vanished')).toBe(false);
    expect(isAuditEventType('constructor')).toBe(false);
  });

  test('a complete event is kept as it is, and cannot be changed afterwards', () => {
    expect(checkAuditEvent(suspended)).toEqual(suspended);
    expect(Object.isFrozen(checkAuditEvent(suspended))).toBe(true);
  });

  const { cause: _cause, ...withoutCause } = suspended;
  test.each<[string, AuditEvent, string]>([
    ['a type that is not on the list', { ...suspended, type: 'agent.vanished' as 'agent.retired' }, 'type'],
    ['a member that the type demands and lacks', withoutCause, 'cause'],
    ['an empty text', { ...suspended, correlationId: '' }, 'correlationId'],
    ['a text without end', { ...suspended, cause: 'x'.repeat(2001) }, 'cause'],
    ['an actor without a name', { ...suspended, actor: { kind: 'system', id: '' } }, 'actor.id'],
    ['no time', { ...suspended, occurredAt: new Date(Number.NaN) }, 'occurredAt'],
    ['a chain without end', { ...suspended, chain: Array.from({ length: 17 }, () => ({ iss: 'i', sub: 's' })) }, 'chain'],
  ])('refuses %s', (_, event, member) => {
    expect(() => checkAuditEvent(event)).toThrow(expect.objectContaining({ code: 'invalid_input', details: { member } }));
  });

  test('the digest is the SHA-256 of the JCS form (RFC 8785)', () => {
    expect(digest(suspended)).toBe('sha-256:mumQfudgEDr75_MemP9VB4fSnijqepyxuu_1B_aGWs8');
  });

  test('the digest does not depend on the order of members, but on each of them', () => {
    const reversed = Object.fromEntries(Object.entries(suspended).reverse()) as unknown as AuditEvent;
    expect(digest(reversed)).toBe(digest(suspended));
    const changes: Partial<AuditEvent>[] = [
      { id: 'evt_2' },
      { type: 'agent.retired' },
      { occurredAt: new Date('2026-01-01T00:00:00.124Z') },
      { actor: { kind: 'agent', id: 'usr_1' } },
      { cause: 'other' },
      { risk: 'low' },
    ];
    for (const change of changes) expect(digest({ ...suspended, ...change })).not.toBe(digest(suspended));
  });
});

describe('the hash chain', () => {
  test('a chain as it was sealed is intact, whole or from a later start', () => {
    const events = sealedList(5);
    expect(verifyChain([])).toEqual({ intact: true, count: 0, headHash: genesisHash });
    expect(verifyChain(events)).toEqual({ intact: true, count: 5, headHash: events[4]?.hash });
    expect(verifyChain(events.slice(2), { previousHash: events[1]?.hash ?? '', position: 3 })).toEqual({
      intact: true,
      count: 3,
      headHash: events[4]?.hash,
    });
  });

  test('sealing in batches or at once is the same', () => {
    const digests = fc.array(
      fc.string().map((text) => `sha-256:${Buffer.from(text).toString('base64url')}`),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(digests, fc.nat(12), (all, cut) => {
        const first = seal(genesisHash, all.slice(0, cut));
        expect([...first, ...seal(first.at(-1) ?? genesisHash, all.slice(cut))]).toEqual(seal(genesisHash, all));
      }),
    );
  });

  const at = (events: SealedEvent[], index: number): SealedEvent => {
    const event = events[index];
    if (event === undefined) throw new Error(`no event ${index}`);
    return event;
  };
  const altered = (sealed: SealedEvent): SealedEvent => ({ ...sealed, event: { ...sealed.event, cause: 'nothing' } });
  const redigested = (sealed: SealedEvent): SealedEvent => ({ ...altered(sealed), digest: digest(altered(sealed).event) });
  const rehashed = (sealed: SealedEvent, previous: string): SealedEvent => ({
    ...redigested(sealed),
    hash: seal(previous, [redigested(sealed).digest])[0] ?? '',
  });

  test.each<[string, (events: SealedEvent[]) => SealedEvent[], number, string]>([
    ['an altered event', (events) => events.with(2, altered(at(events, 2))), 3, 'digest'],
    ['an altered event with its digest', (events) => events.with(2, redigested(at(events, 2))), 3, 'hash'],
    ['an altered event, sealed again', (events) => events.with(2, rehashed(at(events, 2), at(events, 1).hash)), 4, 'hash'],
    ['a removed event', (events) => events.toSpliced(2, 1), 3, 'position'],
    [
      'a removed event, renumbered',
      (events) => events.toSpliced(2, 1).map((event, index) => ({ ...event, position: index + 1 })),
      3,
      'hash',
    ],
    ['two events swapped', (events) => events.with(1, at(events, 2)).with(2, at(events, 1)), 2, 'position'],
    ['an event twice', (events) => events.toSpliced(2, 0, at(events, 1)), 3, 'position'],
    ['a removed beginning', (events) => events.slice(1), 1, 'position'],
  ])('finds %s', (_, tamper, brokenAt, fault) => {
    expect(verifyChain(tamper(sealedList(5)))).toEqual({ intact: false, brokenAt, fault });
  });

  test('finds any altered event, wherever it stands', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(), (count, seed) => {
        const events = sealedList(count);
        const index = seed % count;
        expect(verifyChain(events.with(index, altered(at(events, index))))).toMatchObject({ intact: false, brokenAt: index + 1 });
      }),
    );
  });
});
