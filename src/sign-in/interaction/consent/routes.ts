import type { Context } from 'koa';
import { detailsHash } from '../../../authorization-details/index.ts';
import type { BrowserSession, Form, Web } from '../../../platform/http/web.ts';
import {
  allowedBefore,
  applyConsent,
  type Choice,
  type ConsentRequest,
  consentRequestOf,
  type GrantContent,
  grantedOf,
  isRefused,
} from '../../consent.ts';
import { presentConsent, presentWaiting, scopesBeyond } from '../present.ts';
import { type InteractionDeps, type Interactions, type Open, prepareFor, refusalOf } from '../request/routes.ts';
import type { AskedResource, Risk, Standing } from '../software.ts';

const WELCOME: Standing = { state: 'welcome' };

interface Asking {
  readonly open: Open;
  readonly session: BrowserSession;
  readonly mostRisk: Risk | undefined;
}
interface Telling {
  readonly open: Open;
  readonly session: BrowserSession;
  readonly standing: Exclude<Standing, { readonly state: 'welcome' }>;
}
interface Answer {
  readonly open: Open;
  readonly session: BrowserSession;
  readonly form: Form;
}

/** Shows what is asked and records the answer. */
export function createConsent(deps: InteractionDeps, { web, interactions }: { web: Web; interactions: Interactions }) {
  const { db, basePath, grants, audit, detailTypes, onConsent } = deps;
  const standingOf = deps.standingOf ?? (async () => WELCOME);
  const askedOf = async (open: Open) => {
    const { interaction } = open;
    const grant = (interaction.grantId === undefined ? undefined : await grants.find(interaction.grantId)) as GrantContent | undefined;
    const asked = consentRequestOf(interaction, grant);
    const resources = await resourcesIn(deps, open, asked);
    const bare = [...resources].filter(([uri, { scopes }]) => scopes.length === 0 && !asked.resources.has(uri)).map(([uri]) => uri);
    const request = { ...asked, bare: asked.details.length > 0 ? [] : bare };
    return { request, resources, allowedBefore: allowedBefore(request, grant) };
  };
  const pathOf = ({ interaction }: Open) => `${basePath}/interaction/${interaction.uid}`;
  const ask = async (ctx: Context, { open, session, mostRisk }: Asking) => {
    const { interaction, client, software } = open;
    const asked = await askedOf(open);
    const parties = { accountId: session.accountId, clientId: client.clientId };
    const used = (await deps.usedOf?.({ ...parties, details: asked.request.details })) ?? [];
    prepareFor(interaction)(ctx);
    const model = presentConsent({
      session,
      software,
      redirectUri: interaction.params['redirect_uri'],
      redirectUris: client.redirectUris ?? [],
      ...asked,
      used,
      types: detailTypes(),
      isFirstTime: !(await grants.isKnown(session.accountId, client.clientId)),
      mayRefresh: client.grantTypeAllowed('refresh_token'),
      mostRisk,
    });
    const path = pathOf(open);
    const person = { email: session.email, notYouHref: `${path}?as=other` };
    await web.pages.show(ctx, 'sign-in/consent', { ...model, person, action: `${path}/consent` }, session);
  };
  const tell = async (ctx: Context, { open, session, standing }: Telling) => {
    prepareFor(open.interaction)(ctx);
    const model = { ...presentWaiting(open.software, standing), person: { email: session.email }, action: `${pathOf(open)}/consent` };
    await web.pages.show(ctx, 'sign-in/waits', model, session);
  };
  const show = async (ctx: Context, open: Open, session: BrowserSession) => {
    const standing = await standingOf(open.client.clientId);
    if (standing.state === 'welcome') return ask(ctx, { open, session, mostRisk: standing.mostRisk });
    return tell(ctx, { open, session, standing });
  };
  const partiesOf = ({ client, software }: Open, session: BrowserSession) => ({
    actor: { kind: 'account', id: session.accountId } as const,
    subjectId: session.accountId,
    clientId: client.clientId,
    ...(software.agentId === undefined ? {} : { agentId: software.agentId }),
  });
  const deny = async (open: Open, session: BrowserSession | undefined): Promise<string> => {
    if (session !== undefined) await audit.record({ type: 'consent.denied', ...partiesOf(open, session), cause: 'person' });
    return interactions.answer(open.interaction, refusalOf('access_denied', 'the person did not allow it'));
  };
  const allow = async (open: Open, { session, choice, most }: { session: BrowserSession; choice: Choice; most: Risk | undefined }) => {
    const { interaction, client } = open;
    const { request, resources } = await askedOf(open);
    const granted = grantedOf(request, withinReach(resources, { request, choice, most }));
    if (isRefused(request, granted)) return deny(open, session);
    const { accountId } = session;
    const { clientId } = client;
    const grantId = await grants.write({ accountId, clientId }, (grant) => applyConsent(grant, { request, granted, types: detailTypes() }));
    const scopes = [...new Set([...granted.identityScopes, ...[...granted.resources.values()].flat()])];
    const resource = [...granted.resources.keys(), ...granted.bare].join(' ');
    await audit.record({
      type: 'consent.granted',
      ...partiesOf(open, session),
      ...(resource === '' ? {} : { resource }),
      ...(scopes.length === 0 ? {} : { action: scopes.join(' ').slice(0, 2_000) }),
      ...(granted.details.length === 0 ? {} : { detailsHash: detailsHash(granted.details) }),
    });
    await onConsent?.({ accountId, clientId, grantId, scopes, details: granted.details, resource: [...resources.keys()][0] });
    return interactions.answer(interaction, { ...interaction.lastSubmission, consent: { grantId } });
  };
  const decide = async (ctx: Context, { open, session, form }: Answer): Promise<string | undefined> => {
    const standing = await standingOf(open.client.clientId);
    if (form['decision'] === 'ask' && standing.state === 'waits') {
      const { clientId } = open.client;
      await db.transaction(async () => deps.onAsked?.({ accountId: session.accountId, clientId }));
      await tell(ctx, { open, session, standing: { state: 'waits', isAsked: true } });
      return undefined;
    }
    if (form['decision'] === 'allow' && standing.state !== 'welcome') {
      await tell(ctx, { open, session, standing });
      return undefined;
    }
    const most = standing.state === 'welcome' ? standing.mostRisk : undefined;
    return db.transaction(() =>
      form['decision'] === 'allow' ? allow(open, { session, choice: choiceOf(form), most }) : deny(open, session),
    );
  };
  return { show, decide, deny: (open: Open) => db.transaction(() => deny(open, open.session)) };
}

/** The choice without scopes that the person's yes does not give, whatever the form says. */
function withinReach(
  resources: ReadonlyMap<string, AskedResource>,
  { request, choice, most }: { request: ConsentRequest; choice: Choice; most: Risk | undefined },
): Choice {
  const beyond = [...request.resources].flatMap(([uri, scopes]) => scopesBeyond(resources.get(uri), scopes, most));
  return { ...choice, scopes: new Set([...choice.scopes].filter((scope) => !beyond.includes(scope))) };
}

/** The resource servers that a request is about, by the indicator it names them with. */
async function resourcesIn({ resourceServers }: Pick<InteractionDeps, 'resourceServers'>, { interaction }: Open, request: ConsentRequest) {
  const indicators = [interaction.params['resource'], ...request.resources.keys()].flat().filter((uri) => typeof uri === 'string');
  const found = await Promise.all([...new Set(indicators)].map(async (uri) => [uri, await resourceServers.findByIdentifier(uri)] as const));
  return new Map<string, AskedResource>(found.flatMap(([uri, resource]) => (resource === undefined ? [] : [[uri, resource] as const])));
}

function choiceOf(form: Form): Choice {
  const all = (name: string) => [form[name] ?? []].flat();
  const positions = all('detail').filter((value) => /^\d{1,2}$/.test(value));
  return { scopes: new Set(all('scope')), details: new Set(positions.map(Number)) };
}
