import { momentOf } from '../../platform/http/moment.ts';
import type { Agent } from '../agent.ts';
import { countOf, type Frame, presentId, stateOf } from '../present.ts';
import type { Application, ApplicationUrl, Relation } from './application.ts';

const relationWords = { owned: 'its own', authorized: 'may use it', guest: 'a guest' } as const satisfies Record<Relation, string>;
const urlWords = { ssoEndpoint: 'Single sign-on', loginPage: 'Sign-in page', api: 'API', homepage: 'Home page' } as const;
const inUse = { true: { word: 'In use', tone: 'yes' }, false: { word: 'Not in use', tone: '' } } as const;

const nameOf = ({ displayName, name }: Application): string => displayName ?? name;

/** The model of views/console/applications.eta. */
export function presentApplications(
  {
    applications,
    total,
    cursor,
    nextCursor,
  }: {
    readonly applications: readonly Application[];
    readonly total: number;
    readonly cursor: string | undefined;
    readonly nextCursor: string | undefined;
  },
  { now, base }: Frame,
): object {
  const href = `${base}/console/applications`;
  const pager = {
    words: `${applications.length} of ${countOf(total, 'application')}`,
    ...(cursor === undefined ? {} : { previousHref: href }),
    ...(nextCursor === undefined ? {} : { nextHref: `${href}?cursor=${nextCursor}` }),
  };
  return {
    heading: total === 0 ? 'No application yet' : countOf(total, 'application'),
    applications: applications.map((application) => ({
      name: nameOf(application),
      href: `${href}/${application.id}`,
      words: application.description?.split('\n')[0] ?? '',
      agents: countOf(application.agents.length, 'agent'),
      state: inUse[`${application.isActive}`],
      ...(application.lastAccessedAt === undefined ? {} : { lastAccessed: momentOf(application.lastAccessedAt, now) }),
    })),
    ...(applications.length === 0 ? {} : { pager }),
  };
}

/** Whoever provisions may write any address: only https is one to follow. */
function presentUrl({ value, type, description }: ApplicationUrl) {
  const label = type === undefined ? 'Address' : urlWords[type];
  const isFollowed = URL.canParse(value) && /^https:\/\//i.test(value);
  return { label, value, ...(description ? { description } : {}), ...(isFollowed ? { href: value } : {}) };
}

function factsOf({ name, displayName, externalId, source, externalIdentifiers }: Application) {
  const elsewhere = externalIdentifiers.map(({ value, system, type }) => ({ label: system ?? type ?? 'Known elsewhere as', value }));
  return [
    { label: 'Name', value: displayName === undefined ? '' : name },
    { label: 'Known to its source as', value: externalId ?? '' },
    { label: 'Came from', value: source },
    ...elsewhere,
  ].filter(({ value }) => value !== '');
}

/** The model of views/console/application.eta. */
export function presentApplication(application: Application, agents: readonly Agent[], { now, base }: Frame): object {
  const relations = new Map(application.agents.map(({ id, type }) => [id, type]));
  const { description, lastAccessedAt, urls, oAuthConfiguration } = application;
  return {
    application: {
      id: presentId(application.id),
      name: nameOf(application),
      state: inUse[`${application.isActive}`],
      facts: factsOf(application),
      ...(lastAccessedAt === undefined ? {} : { lastAccessed: momentOf(lastAccessedAt, now) }),
    },
    ...(description ? { says: description } : {}),
    urls: urls.map(presentUrl),
    agents: agents.map((agent) => ({
      name: agent.displayName,
      href: `${base}/console/agents/${agent.id}`,
      words: relationWords[relations.get(agent.id) ?? 'owned'],
      state: stateOf(agent, { now }),
    })),
    configurations: oAuthConfiguration.map(({ clientId, description: words, audienceUri, issuerUri, redirectUri = [] }) => ({
      heading: clientId ?? words ?? 'Without a client',
      facts: [
        { label: 'Issuer', value: issuerUri ?? '' },
        { label: 'Audience', value: audienceUri ?? '' },
        ...redirectUri.map((value) => ({ label: 'Redirects to', value })),
      ].filter(({ value }) => value !== ''),
    })),
  };
}
