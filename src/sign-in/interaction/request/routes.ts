import type { Context } from 'koa';
import { type Client, errors, type Provider } from 'oidc-provider';
import type { Accounts } from '../../../accounts/index.ts';
import type { DetailTypes } from '../../../authorization-details/index.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Db } from '../../../platform/db/db.ts';
import { allowFormAction } from '../../../platform/http/security-headers.ts';
import type { BrowserSession, Web } from '../../../platform/http/web.ts';
import type { BrowserSessions } from '../../browser/browser-session.ts';
import type { ConsentRequest } from '../../consent.ts';
import type { ConsentGrants } from '../../consent-grants.ts';
import type { LoginDeps } from '../../login/routes.ts';
import type { SignInAudit } from '../../sign-in-event.ts';
import type { AskedResource, Software, Standing } from '../software.ts';

/** An interaction as the engine keeps it. */
export type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;

/** What a consent gave, told within its transaction. */
export interface Consented {
  readonly accountId: string;
  readonly clientId: string;
  readonly grantId: string;
  /** All scopes that were allowed now, of the person and of resources. */
  readonly scopes: readonly string[];
  readonly details: ConsentRequest['details'];
  /** The resource that the request was about, if there was one. */
  readonly resource: string | undefined;
}

/** What the pages of an interaction are made of. */
export interface InteractionDeps extends LoginDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly accounts: LoginDeps['accounts'] & Pick<Accounts, 'securityOf'>;
  readonly provider: () => Provider;
  readonly sessions: BrowserSessions;
  readonly grants: ConsentGrants;
  readonly audit: SignInAudit;
  readonly detailTypes: () => DetailTypes;
  readonly resourceServers: { findByIdentifier(uri: string): Promise<AskedResource | undefined> };
  /** `actorId`: the agent that the request says will act through it. */
  readonly softwareOf: (clientId: string, actorId?: string) => Promise<Software | undefined>;
  /** What a person is asked about this software, or told instead; left out: every software is welcome. */
  readonly standingOf?: (clientId: string) => Promise<Standing>;
  /** A person asks an administrator to let the software in; runs in a transaction. */
  readonly onAsked?: (asked: Pick<Consented, 'accountId' | 'clientId'>) => Promise<void>;
  /** What was used up before of each of these details that has a budget, in words; undefined where nothing was. */
  readonly usedOf?: (asked: Pick<Consented, 'accountId' | 'clientId' | 'details'>) => Promise<readonly (string | undefined)[]>;
  /** Told of every consent, in its transaction; what it throws undoes the consent. */
  readonly onConsent?: (consented: Consented) => Promise<void>;
}

/** An interaction under way in this browser. */
export interface Open {
  readonly interaction: Interaction;
  readonly client: Client;
  readonly software: Software;
  readonly session: BrowserSession | undefined;
}

const EXPIRED = {
  status: 400,
  message: {
    tone: 'wait',
    state: 'Run out',
    heading: 'This request is over',
    words: 'It was answered already, it waited too long, or it began in another browser. Go back to the application and start again.',
  },
} as const;
/** A parameter of the authorization request; undefined when it is missing or no text. */
export function textParam(interaction: Interaction, name: string): string | undefined {
  const value = interaction.params[name];
  return typeof value === 'string' ? value : undefined;
}

/** Reads and answers interactions. The engine's own way to answer would send the redirect before the transaction is over. */
export function createInteractions({ provider, sessions, softwareOf }: InteractionDeps, web: Web) {
  const detailsOf = async (ctx: Context): Promise<Interaction | undefined> => {
    try {
      return await provider().interactionDetails(ctx.req, ctx.res);
    } catch (error) {
      if (error instanceof errors.SessionNotFound) return undefined;
      throw error;
    }
  };
  return {
    /** The interaction of this address, or undefined when the page that says why not is shown. */
    async open(ctx: Context): Promise<Open | undefined> {
      const session = await sessions.current(ctx);
      const interaction = await detailsOf(ctx);
      const clientId = interaction && textParam(interaction, 'client_id');
      const isHere = interaction !== undefined && interaction.uid === ctx['params']['uid'] && clientId !== undefined;
      const client = isHere ? await provider().Client.find(clientId) : undefined;
      if (!isHere || client === undefined) {
        await web.pages.show(ctx, 'sign-in/message', EXPIRED, session);
        return undefined;
      }
      const software = (await softwareOf(clientId, textParam(interaction, 'requested_actor'))) ?? {
        name: client.clientName ?? clientId,
        isVerified: false,
      };
      return { interaction, client, software, session };
    },
    /** Stores the answer; the engine goes on with it at the returned address. */
    async answer(interaction: Interaction, result: NonNullable<Interaction['result']>): Promise<string> {
      interaction.result = result;
      await interaction.persist();
      return interaction.returnTo;
    },
  };
}

/** Reads and answers interactions. */
export type Interactions = ReturnType<typeof createInteractions>;

/** Lets the forms of a page lead back to the client (CSP form-action). */
export function prepareFor(interaction: Interaction) {
  const redirectUri = textParam(interaction, 'redirect_uri');
  return (ctx: Context) => {
    if (redirectUri !== undefined) allowFormAction(ctx, redirectUri);
  };
}

/** An answer that is a refusal (RFC 6749 §4.1.2.1). */
export function refusalOf(error: string, description: string) {
  return { error, error_description: description };
}
