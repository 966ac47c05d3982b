import { isIP } from 'node:net';
import type { AuthorizationDetail, JsonObject, JsonValue } from '../../authorization-details/index.ts';
import type { AgentFacts } from '../principal.ts';
import type { Question } from '../question.ts';
import { largestAmounts } from './amounts.ts';
import type { CedarEntity, CedarValue, EntityId } from './cedar.ts';
import { CURRENCIES } from './schema.ts';

const RISKS = { low: 1, medium: 2, high: 3 } as const;
const KINDS = { account: 'person', agent: 'agent', service: 'service' } as const;
const GRANTS: ReadonlyMap<string, string> = new Map([
  ['urn:ietf:params:oauth:grant-type:token-exchange', 'token_exchange'],
  ['urn:ietf:params:oauth:grant-type:jwt-bearer', 'jwt_bearer'],
  ['urn:ietf:params:oauth:grant-type:device_code', 'device_code'],
  ['urn:openid:params:grant-type:ciba', 'ciba'],
]);
const MAX_LISTED = 200;
const knownCurrencies: ReadonlySet<string> = new Set(CURRENCIES);

const extension = (fn: string, arg: string): CedarValue => ({ __extn: { fn, arg } });
const datetime = (at: Date) => extension('datetime', at.toISOString());
const reference = (entity: EntityId): CedarValue => ({ __entity: entity });

/** An address as Cedar reads one; an IPv4 address inside an IPv6 one is that IPv4 address. Undefined: it is none. */
function addressOf(text: string | undefined): CedarValue | undefined {
  const address = text?.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '') ?? '';
  return isIP(address) === 0 ? undefined : extension('ip', address);
}

function listed(details: readonly AuthorizationDetail[], member: string): string[] {
  const values = details.flatMap((detail) => (Array.isArray(detail[member]) ? (detail[member] as readonly JsonValue[]) : []));
  return [...new Set(values.filter((value) => typeof value === 'string'))].slice(0, MAX_LISTED);
}

function mostCalls(details: readonly AuthorizationDetail[]): number | undefined {
  const calls = details.map(({ max_calls: most }) => most).filter((most) => typeof most === 'number' && Number.isSafeInteger(most));
  return calls.length === 0 ? undefined : Math.max(...(calls as number[]));
}

function amountsOf(details: readonly AuthorizationDetail[]): CedarValue {
  const known = [...largestAmounts(details)].filter(([currency]) => knownCurrencies.has(currency));
  return Object.fromEntries(known.map(([currency, amount]) => [currency, extension('decimal', amount)]));
}

/** Scalars of an object as text, by a dotted name: what a caller says is compared, never computed with. */
export function tagsOf(parts: Readonly<Record<string, JsonObject | undefined>>): Record<string, CedarValue> {
  const tags: Record<string, CedarValue> = {};
  for (const [prefix, part] of Object.entries(parts)) {
    for (const [name, value] of Object.entries(part ?? {}).slice(0, MAX_LISTED)) {
      if (value !== null && typeof value !== 'object') tags[prefix === '' ? name : `${prefix}.${name}`] = String(value);
    }
  }
  return tags;
}

const said = ({ subject, action, context }: Question) =>
  tagsOf({ subject: subject.properties, action: action.properties, context: context.properties });

/** The one entity that holds what a caller said. */
export function saidEntity(question: Question): CedarEntity | undefined {
  const tags = said(question);
  return Object.keys(tags).length === 0 ? undefined : { uid: { type: 'Said', id: 'said' }, attrs: {}, parents: [], tags };
}

/** The agent of the client, as policies name it. */
export function agentOf({ facts }: Question): EntityId | undefined {
  return facts.agent === undefined ? undefined : { type: 'Agent', id: facts.agent.id };
}

type Member = (question: Question) => CedarValue | undefined;

const secondsBetween = (from: Date, to: Date) => Math.max(0, Math.floor((to.getTime() - from.getTime()) / 1000));

/** Every member of the context, by name: only those that a policy looks at are made. `asked_as` is the engine's to say. */
export const contextMembers: Readonly<Record<string, Member>> = {
  subject: ({ subject }) => subject.id,
  subject_kind: ({ subject }) => KINDS[subject.kind],
  agent: (question) => {
    const agent = agentOf(question);
    return agent && reference(agent);
  },
  client: ({ clientId }) => clientId,
  client_kind: ({ facts }) => facts.client?.kind ?? '',
  client_purpose: ({ facts }) => facts.client?.purpose ?? '',
  action: ({ action }) => action.name,
  grant: ({ context }) => (context.grantType === undefined ? undefined : (GRANTS.get(context.grantType) ?? context.grantType)),
  scopes: ({ scopes }) => [...scopes],
  detail_types: ({ details }) => [...new Set(details.map(({ type }) => String(type)))],
  tools: ({ details }) => listed(details, 'tools'),
  methods: ({ details }) => listed(details, 'actions'),
  paths: ({ details }) => listed(details, 'paths'),
  max_calls: ({ details }) => mostCalls(details),
  currencies: ({ details }) => [...largestAmounts(details).keys()],
  amounts: ({ details }) => amountsOf(details),
  actors: ({ actors }) => actors.map(({ sub }) => sub),
  chain_length: ({ actors }) => actors.length,
  at: ({ context }) => datetime(context.at),
  hour: ({ context }) => context.at.getUTCHours(),
  minute: ({ context }) => context.at.getUTCMinutes(),
  weekday: ({ context }) => context.at.getUTCDay() || 7,
  network: ({ context }) => addressOf(context.network),
  acr: ({ context }) => context.acr,
  amr: ({ context }) => [...(context.amr ?? [])],
  session_age_seconds: ({ context }) => (context.authTime === undefined ? undefined : secondsBetween(context.authTime, context.at)),
  risk_signals: ({ context }) => [...(context.riskSignals ?? [])],
  approved: ({ context }) => context.isApproved === true,
  said: (question) => (saidEntity(question) === undefined ? undefined : reference({ type: 'Said', id: 'said' })),
};

type AgentMember = (agent: AgentFacts) => CedarValue | undefined;

/** Every attribute of an agent, by name. */
export const agentMembers: Readonly<Record<string, AgentMember>> = {
  name: ({ displayName }) => displayName,
  risk: ({ riskLevel }) => RISKS[riskLevel],
  risk_level: ({ riskLevel }) => riskLevel,
  autonomy: ({ autonomy }) => autonomy ?? 'background',
  environment: ({ environment }) => environment,
  model_provider: ({ model }) => model?.provider,
  model_name: ({ model }) => model?.name,
  model_version: ({ model }) => model?.version,
  data_classes: ({ dataClasses }) => [...(dataClasses ?? [])],
  owner: ({ owner }) => owner?.id,
  self_service: ({ isSelfService }) => isSelfService,
  under_review: ({ actsUnderReview }) => actsUnderReview,
  valid_until: ({ validUntil }) => validUntil && datetime(validUntil),
};
