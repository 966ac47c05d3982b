import { z } from 'zod';
import { isLoopbackUrl } from '../../platform/config.ts';
import { AppError } from '../../platform/errors.ts';
import { faultIn, lines, visible } from '../agent.ts';

/** What an address of an application is for (draft-abbey-scim-agent-extension). */
export const urlTypes = ['ssoEndpoint', 'loginPage', 'api', 'homepage'] as const;

/** How an agent belongs to an application. Only what an application owns counts as its use. */
export const relations = ['owned', 'authorized', 'guest'] as const;
export type Relation = (typeof relations)[number];

/** An address of an application; shown to people, never followed by this server. */
export interface ApplicationUrl {
  readonly value: string;
  readonly type?: (typeof urlTypes)[number] | undefined;
  readonly primary?: boolean | undefined;
  readonly description?: string | undefined;
}

/** How the application is known to an authorization server. A description: this server registers no client from it. */
export interface OAuthConfiguration {
  readonly clientId?: string | undefined;
  readonly description?: string | undefined;
  readonly audienceUri?: string | undefined;
  readonly issuerUri?: string | undefined;
  readonly redirectUri?: readonly string[] | undefined;
}

/** What another system calls the application. */
export interface ExternalIdentifier {
  readonly value: string;
  readonly type?: string | undefined;
  readonly system?: string | undefined;
}

/** An agent that belongs to the application. */
export interface ApplicationAgent {
  readonly id: string;
  readonly type: Relation;
}

/** What describes an application and may be edited. Undefined: not said. */
export interface ApplicationDetails {
  /** Unique among applications whatever its case. */
  readonly name: string;
  readonly displayName: string | undefined;
  readonly description: string | undefined;
  readonly isActive: boolean;
  readonly urls: readonly ApplicationUrl[];
  readonly oAuthConfiguration: readonly OAuthConfiguration[];
  readonly externalIdentifiers: readonly ExternalIdentifier[];
  /** Each agent once. */
  readonly agents: readonly ApplicationAgent[];
  /** What the source calls it; unique within a source. */
  readonly externalId: string | undefined;
}

/** Software that agents belong to. It has no authority: nothing that issues a token looks at it. */
export interface Application extends Omit<ApplicationDetails, 'agents'> {
  readonly id: string;
  /** Those that were not deleted, in the order they were named in. */
  readonly agents: readonly (ApplicationAgent & { readonly name: string })[];
  /** Where the record came from: `scim:<client_id>`. */
  readonly source: string;
  /** Counts changes of what describes it; starts at 1. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** When the last of the agents it owns was seen. */
  readonly lastAccessedAt: Date | undefined;
}

/** An application as an agent names it. */
export interface ApplicationLink {
  readonly id: string;
  readonly name: string;
  readonly type: Relation;
}

/** Why redirect URIs may not be registered; undefined: they may. The rules are those of client registration (security rule R7). */
export type RedirectFaultOf = (redirectUris: readonly string[]) => string | undefined;

const MAX_URI = 2000;
const uri = z.string().refine(isPlainUri, 'is an absolute https URI without userinfo and fragment');

/** https anywhere, http on loopback; what two parsers could read differently is refused. */
function isPlainUri(text: string): boolean {
  if (text.length > MAX_URI || !/^https?:\/\/[!-~]+$/i.test(text) || /[\\#<>"^`{|}]/.test(text) || !URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    url.username === '' && url.password === '' && !/^[a-z]+:\/\/[^/?]*@/i.test(text) && (url.protocol === 'https:' || isLoopbackUrl(url))
  );
}

const detailsSchema = z.object({
  name: visible(120),
  displayName: visible(120).optional(),
  description: lines(2000).optional(),
  isActive: z.boolean(),
  urls: z.array(
    z.object({
      type: z.enum(urlTypes).optional(),
      primary: z.boolean().optional(),
      value: visible(MAX_URI),
      description: lines(500).optional(),
    }),
  ),
  oAuthConfiguration: z.array(
    z.object({
      clientId: visible(500).optional(),
      description: lines(500).optional(),
      audienceUri: uri.optional(),
      issuerUri: uri.optional(),
      redirectUri: z.array(z.string()).optional(),
    }),
  ),
  externalIdentifiers: z.array(z.object({ type: visible(200).optional(), value: visible(500), system: visible(MAX_URI).optional() })),
  agents: z.array(z.object({ id: z.string(), type: z.enum(relations) })),
  externalId: visible(512).optional(),
});

/** The last word about each agent, in the order they were first named. */
function onceEach(agents: readonly ApplicationAgent[]): ApplicationAgent[] {
  return [...new Map(agents.map((agent) => [agent.id, agent])).values()];
}

/** The details as they are kept: trimmed, bounded, each agent once. @throws {AppError} `invalid_input` with the member at fault. */
export function readApplication(details: ApplicationDetails, redirectFaultOf: RedirectFaultOf): ApplicationDetails {
  const result = detailsSchema.safeParse(details);
  if (!result.success) throw faultIn(result.error);
  for (const { redirectUri = [] } of result.data.oAuthConfiguration) {
    const fault = redirectFaultOf(redirectUri);
    if (fault !== undefined) {
      throw new AppError('invalid_input', `Each redirectUri ${fault}.`, { member: 'oAuthConfiguration.redirectUri' });
    }
  }
  return { ...details, ...result.data, agents: onceEach(result.data.agents) };
}
