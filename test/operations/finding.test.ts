import { describe, expect, test } from '@jest/globals';
import type { PublishedKey } from '../../src/oidc/index.ts';
import { report } from '../../src/operations/doctor.ts';
import {
  failed,
  fine,
  judgeAdministrators,
  judgeBootstrapSecret,
  judgeClients,
  judgePolicies,
  judgeClock,
  judgeDatabase,
  judgeIssuer,
  judgeKeys,
  judgeOwners,
  judgeProvisioningTokens,
  judgeTail,
  untried,
  warning,
} from '../../src/operations/finding.ts';

const now = new Date('2026-06-01T12:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const DAY = 86_400;
const key = (algorithm: PublishedKey['algorithm'], status: PublishedKey['status'], days: number): PublishedKey => ({
  kid: `${algorithm}-${status}`,
  algorithm,
  status,
  createdAt: ago(days * DAY),
  activatedAt: status === 'next' ? undefined : ago(days * DAY),
  retiresAt: undefined,
});
const ageing = (when: object) => ({ name: 'Okta', endsIn: 'x9Qe', expiresAt: ago(-100 * DAY), idleSince: now, ...when });
const rules = { algorithms: ['ES256', 'RS256'], signsDays: 90, now };

describe('what the doctor says of', () => {
  test.each([
    ['PostgreSQL 18.4', judgeDatabase({ versionNumber: 180_004 }), 'ok', '18.4'],
    ['PostgreSQL 15', judgeDatabase({ versionNumber: 150_000 }), 'ok', '15.0'],
    ['PostgreSQL 14', judgeDatabase({ versionNumber: 140_011 }), 'failed', '14.11'],
    ['clocks that agree', judgeClock(ago(1), now), 'ok', 'agree'],
    ['a clock behind', judgeClock(ago(10), now), 'warning', '10 s'],
    ['a clock ahead', judgeClock(ago(-3_600), now), 'failed', '1 h'],
    ['keys that sign', judgeKeys([key('ES256', 'current', 3), key('RS256', 'current', 91)], rules), 'ok', '91 days'],
    ['a key that should be gone', judgeKeys([key('ES256', 'current', 93), key('RS256', 'current', 1)], rules), 'warning', '93 days'],
    ['an algorithm without a key', judgeKeys([key('ES256', 'current', 3), key('RS256', 'next', 1)], rules), 'failed', 'RS256'],
    ['nobody', judgeAdministrators([]), 'failed', 'no administrator'],
    ['an administrator', judgeAdministrators([{ email: 'a@b.test', hasSecondFactor: true }]), 'ok', 'One administrator'],
    ['a bare administrator', judgeAdministrators([{ email: 'a@b.test', hasSecondFactor: false }]), 'warning', 'a@b.test'],
    ['a sealed trail', judgeTail({ events: 0, oldestAt: undefined }, now), 'ok', 'Every event'],
    ['a young tail', judgeTail({ events: 3, oldestAt: ago(5) }, now), 'ok', '3 events'],
    ['an old tail', judgeTail({ events: 1, oldestAt: ago(6) }, now), 'failed', '6 s'],
    ['no bootstrap client', judgeBootstrapSecret(undefined, now), 'ok', 'none'],
    ['a fresh bootstrap secret', judgeBootstrapSecret(ago(80 * DAY), now), 'ok', '80 days'],
    ['an old bootstrap secret', judgeBootstrapSecret(ago(91 * DAY), now), 'warning', '91 days'],
    ['an https issuer', judgeIssuer(new URL('https://id.acme.test/a'), false), 'ok', 'https://id.acme.test/a'],
    ['a loopback issuer', judgeIssuer(new URL('http://localhost:3000'), true), 'warning', 'this machine'],
    ['an open http issuer', judgeIssuer(new URL('http://id.acme.test'), false), 'failed', 'not https'],
    ['agents with owners', judgeOwners({ ids: [], total: 0 }), 'ok', 'None'],
    ['agents without', judgeOwners({ ids: ['agt_1', 'agt_2'], total: 7 }), 'warning', 'agt_1, agt_2 and 5 more'],
    ['provisioning tokens in use', judgeProvisioningTokens([], now), 'ok', 'each is in use'],
    ['one that ends', judgeProvisioningTokens([ageing({ expiresAt: ago(-3 * DAY) })], now), 'warning', 'Okta (…x9Qe) ends in 3 days'],
    ['one that nobody uses', judgeProvisioningTokens([ageing({ idleSince: ago(91 * DAY) })], now), 'warning', 'not used for 91 days'],
    ['policies that cannot be loaded', judgePolicies(undefined), 'failed', 'every token is refused'],
    ['policies', judgePolicies({ version: 3, count: 2 }), 'ok', '2 are in force'],
    ['clients without agent', judgeClients({ ids: ['cli_1'], total: 1 }), 'warning', 'cli_1'],
  ])('%s', (_what, finding, state, words) => {
    expect([finding.state, finding.words]).toEqual([state, expect.stringContaining(words)]);
    expect(finding.next === undefined).toBe(state === 'ok');
  });

  test('all of it: words with a next step each, or JSON; 1 only when something does not work', () => {
    const lines: string[] = [];
    const out = (line: string) => void lines.push(line);
    const findings = [fine('a', 'Good.'), warning('b', 'So so.', 'Do this.')];
    expect(report(findings, { json: false, out })).toBe(0);
    expect(lines).toEqual(['ok       a: Good.', 'warning  b: So so.', '         → Do this.', '0 failed, 1 warning.']);
    expect(report([untried('d', 'Not now.')], { json: false, out, about: { subject: 'x', kind: 'client', words: 'A client.' } })).toBe(0);
    expect(lines.slice(-3)).toEqual(['x\nA client.', 'skipped  d: Not now.', 'All is well.']);
    expect(report([failed('c', 'Bad.', 'Do that.')], { json: true, out })).toBe(1);
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({
      healthy: false,
      findings: [{ check: 'c', state: 'failed', words: 'Bad.', next: 'Do that.' }],
    });
  });
});
