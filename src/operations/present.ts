import type { PublishedKey } from '../oidc/index.ts';
import { type Moment, momentOf } from '../platform/http/moment.ts';
import type { Finding } from './finding.ts';
import { versionWords } from './finding.ts';

/** What the page of settings is made of. */
export interface Settings {
  readonly issuer: string;
  readonly version: string;
  readonly database: { readonly versionNumber: number; readonly isEmbedded: boolean };
  readonly keys: readonly PublishedKey[];
  readonly findings: readonly Finding[];
  readonly mayRotate: boolean;
}

interface ShownKey {
  readonly id: { readonly short: string; readonly full: string };
  readonly algorithm: string;
  readonly state: { readonly word: string; readonly tone: string };
  readonly since: Moment;
  readonly ends?: Moment;
}

const STATES = {
  next: { word: 'Next', tone: 'info' },
  current: { word: 'Signs now', tone: 'yes' },
  retired: { word: 'Retired', tone: '' },
} as const satisfies Record<PublishedKey['status'], object>;

function presentKey({ kid, algorithm, status, createdAt, activatedAt, retiresAt }: PublishedKey, now: Date): ShownKey {
  return {
    id: { short: `${kid.slice(0, 6)}…${kid.slice(-4)}`, full: kid },
    algorithm,
    state: STATES[status],
    since: momentOf(activatedAt ?? createdAt, now),
    ...(retiresAt === undefined ? {} : { ends: momentOf(retiresAt, now) }),
  };
}

/** The model of views/console/settings.eta. */
export function presentSettings(settings: Settings, now: Date): object {
  const { issuer, version, database, keys, findings, mayRotate } = settings;
  return {
    issuer,
    mayRotate,
    warnings: findings
      .filter(({ state }) => state !== 'ok')
      .map(({ check, words, next }) => `${capital(check)}: ${words} ${next ?? ''}`.trim()),
    keys: keys.map((key) => presentKey(key, now)),
    server: [
      { label: 'Version', value: version },
      { label: 'Database', value: `${database.isEmbedded ? 'embedded ' : ''}PostgreSQL ${versionWords(database.versionNumber)}` },
      ...findings
        .filter(({ check }) => check === 'audit' || check === 'clock')
        .map(({ check, words }) => ({ label: capital(check), value: words })),
    ],
    paste: `"authorization_servers": ["${issuer}"]`,
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
