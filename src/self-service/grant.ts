import { type AuthorizationDetail, describeDetail } from '../authorization-details/index.ts';
import type { ListedArtifact } from '../oidc/index.ts';
import { withToolTitles } from '../resource-servers/index.ts';
import type { Grantee, SelfServiceSources } from './sources.ts';

/** A grant of a person in words. */
export interface GrantWords {
  readonly hash: Buffer;
  readonly clientId: string;
  readonly grantee: Grantee;
  readonly resources: readonly string[];
  /** One sentence part for each thing it allows. */
  readonly may: readonly string[];
  readonly expiresAt: Date | undefined;
}

const IDENTITY_WORDS: Readonly<Record<string, string>> = {
  openid: 'know who you are',
  profile: 'know your name',
  email: 'know your e-mail address',
  offline_access: 'act while you are away',
};

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function words(text: string): readonly string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** What was ticked off at consent stands in `rejected`, in the same shape. */
function scopesIn(payload: Record<string, unknown>, path: readonly string[]): readonly string[] {
  const at = (root: unknown) => textOf(path.reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], root));
  const rejected = new Set(words(at(payload['rejected'])));
  return words(at(payload)).filter((scope) => !rejected.has(scope));
}

function resourcesOf(payload: Record<string, unknown>): readonly string[] {
  return Object.keys((payload['resources'] as Record<string, unknown> | undefined) ?? {});
}

async function resourceWords(sources: SelfServiceSources, payload: Record<string, unknown>, uri: string) {
  const server = await sources.resourceOf(uri);
  const may = scopesIn(payload, ['resources', uri]).map((name) => server?.scopes.find((scope) => scope.name === name)?.description ?? name);
  // a resource server without scopes was granted as it is
  return { name: server?.name ?? uri, may: server?.scopes.length === 0 ? [`use ${server.name}`] : may };
}

type KnownResource = Awaited<ReturnType<SelfServiceSources['resourceOf']>>;

function detailWords(sources: SelfServiceSources, payload: Record<string, unknown>, server: KnownResource): readonly string[] {
  const details = Array.isArray(payload['rar']) ? (payload['rar'] as AuthorizationDetail[]) : [];
  const types = sources.detailTypes();
  return details.map((detail) => {
    const type = types.find(detail.type);
    return type === undefined ? detail.type : describeDetail(type, withToolTitles(detail, server), server?.name ?? 'this server').headline;
  });
}

/** Puts a stored grant into words. A grant that allows nothing is none: undefined. */
export async function grantInWords(sources: SelfServiceSources, stored: ListedArtifact): Promise<GrantWords | undefined> {
  const { payload, hash, expiresAt } = stored;
  const clientId = textOf(payload['clientId']);
  const servers = await Promise.all(resourcesOf(payload).map((uri) => resourceWords(sources, payload, uri)));
  const [firstUri] = resourcesOf(payload);
  const first = firstUri === undefined ? undefined : await sources.resourceOf(firstUri);
  const open = servers.filter(({ may }) => may.length > 0);
  const identity = scopesIn(payload, ['openid', 'scope']).map((scope) => IDENTITY_WORDS[scope] ?? scope);
  const may = [...open.flatMap((server) => server.may), ...detailWords(sources, payload, first), ...identity];
  if (may.length === 0) return undefined;
  const grantee = (await sources.granteeOf(clientId)) ?? { kind: 'service', name: clientId };
  return { hash, clientId, grantee, resources: open.map(({ name }) => name), may, expiresAt };
}
