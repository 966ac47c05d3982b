import type { TitledTools } from '../../resource-servers/index.ts';
/** The software that asks, as the records describe it. Names come from its registration and are shown as such. */
export interface Software {
  readonly name: string;
  /** The agent it acts as. */
  readonly agentId?: string | undefined;
  readonly agentName?: string | undefined;
  /** Who answers for it: a person or a group by name. */
  readonly ownerName?: string | undefined;
  /** Whether somebody with authority here vouches for it, beyond its own words. */
  readonly isVerified: boolean;
  /** The host whose metadata document describes it: whoever holds that host made it, which no name can say. */
  readonly documentHost?: string | undefined;
}

/** What a person is asked about software, or told instead. */
export type Standing =
  | {
      readonly state: 'welcome';
      /** The riskiest scopes that their yes gives; undefined: all. */
      readonly mostRisk?: Risk;
    }
  /** An administrator has to let it in; somebody may have asked for that. */
  | { readonly state: 'waits'; readonly isAsked: boolean }
  | { readonly state: 'reviewed' }
  | { readonly state: 'refused' };

/** How much harm a scope can do, as its resource server says. */
export type Risk = 'low' | 'medium' | 'high';

/** A resource server as consent shows it. */
export interface AskedResource extends TitledTools {
  readonly identifier: string;
  readonly name: string;
  readonly scopes: readonly { readonly name: string; readonly description: string; readonly risk: Risk }[];
}

/** Where an answer goes, for a person: nothing of a redirect URI but what tells who receives it. */
export interface Destination {
  readonly says: string;
  readonly host: string;
  /** Any program on this computer could receive it. */
  readonly isLocal: boolean;
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const LONGEST_NAME = 80;

/** The destination of an answer; without a redirect URI a device waits for it (RFC 8628). */
export function destinationOf(redirectUri: unknown): Destination {
  if (typeof redirectUri !== 'string' || !URL.canParse(redirectUri)) {
    return { says: 'Answers go to', host: 'the device that showed you the code', isLocal: false };
  }
  const url = new URL(redirectUri);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return { says: 'Answers go to a program on this device', host: url.protocol, isLocal: true };
  }
  const isLocal = LOOPBACK.has(url.hostname);
  return { says: isLocal ? 'Answers stay on this computer' : 'Answers go to', host: url.host, isLocal };
}

/** A name from outside, fit to stand in a sentence of ours: bounded, without control and direction characters. */
export function plainName(name: string): string {
  const clean = [...name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu, '').trim()];
  return clean.length > LONGEST_NAME ? `${clean.slice(0, LONGEST_NAME - 1).join('')}…` : clean.join('');
}
