import type { Clock } from '../../platform/clock.ts';
import type { Ids } from '../../platform/ids.ts';
import type { PolicyInput } from '../../policy/index.ts';
import { failed, type Finding, fine, untried } from '../finding.ts';
import { scopesIn } from './challenge.ts';
import {
  dryRequest,
  judgeBounds,
  judgeClient,
  judgeDryRequest,
  judgeRedirects,
  judgeRegisteredScopes,
  judgeDecisions,
  type KeptDecision,
  type KnownClient,
  resourcesOf,
} from './client.ts';
import { findMetadata, judgeAddress, judgeChallenge, judgeForgery, judgeMetadata, wellKnownOf } from './mcp-server.ts';
import { judgeDocument, judgeDocumentWay } from './metadata-document.ts';
import type { Look, Probes } from './probes.ts';
import { judgeRecord, judgeScopes, type KnownResource, neighboursOf } from './resource-record.ts';
import { readSubject } from './subject.ts';
import { judgeOwnMetadata, judgeReach, judgeWays, metadataAddresses, type OwnMetadata, type Ways, waysIn } from './this-server.ts';

/** What was looked at, as what it was taken for, and what was found. */
export interface Examination {
  readonly subject: string;
  readonly kind: 'mcp_server' | 'client' | 'metadata_document';
  readonly findings: readonly Finding[];
}

/** What the walk asks: the network through probes, the records through their own services. It writes nothing. */
export interface WalkDeps {
  readonly issuer: string;
  readonly clock: Pick<Clock, 'now' | 'epochSeconds'>;
  readonly ids: Pick<Ids, 'bytes' | 'secret'>;
  readonly probes: Probes;
  /** By resource indicator in any spelling; undefined: not registered here. */
  readonly findResource: (identifier: string) => Promise<KnownResource | undefined>;
  readonly countLiveTokens: (query: { readonly resource: string }) => Promise<number>;
  readonly findClient: (clientId: string) => Promise<KnownClient | undefined>;
  readonly redirectFaultOf: (uris: readonly string[]) => string | undefined;
  readonly policy: {
    facts(clientId: string): Promise<PolicyInput['facts']>;
    decide(input: PolicyInput): { readonly effect: string; readonly reason: string; readonly remedy: string };
    list(filter: { clientId: string; limit: number }): Promise<{ readonly decisions: readonly KeptDecision[] }>;
  };
}

/** Walks the way software takes to a token, and says where it ends. */
export interface Walk {
  /** @throws {AppError} `invalid_input` for what is neither an address nor a client_id. */
  examine(text: string): Promise<Examination>;
}

/** A token for the resource in every word, but one: nobody signed it. A server that takes it takes any. */
function forgedToken({ issuer, clock, ids }: Pick<WalkDeps, 'issuer' | 'clock' | 'ids'>, audience: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = clock.epochSeconds();
  const claims = { iss: issuer, aud: audience, sub: 'behalf-doctor', client_id: 'behalf-doctor', iat, exp: iat + 60, jti: ids.secret(16) };
  return `${part({ alg: 'ES256', typ: 'at+jwt', kid: ids.secret(16) })}.${part(claims)}.${ids.bytes(64).toString('base64url')}`;
}

async function readOwn({ issuer, probes }: WalkDeps): Promise<{ own: OwnMetadata; ways: Ways }> {
  const own = judgeOwnMetadata(await Promise.all(metadataAddresses(issuer).map((address) => probes.look(address))), issuer);
  const endpoint = own.document?.['registration_endpoint'];
  const offer = typeof endpoint === 'string' ? await probes.offerNothing(endpoint) : undefined;
  return { own, ways: waysIn(own.document, offer) };
}

async function firstOf(names: readonly string[], find: WalkDeps['findResource']): Promise<KnownResource | undefined> {
  return (await Promise.all(names.map((name) => find(name)))).find((found) => found !== undefined);
}

interface Reached {
  readonly knocked: Look;
  readonly forged: Look;
}

/** Challenge and document of the MCP server, and the scopes both ask for. */
async function readMcpServer({ probes, issuer }: WalkDeps, { url, text, knocked }: { url: URL; text: string; knocked: Look }) {
  const { challenge, findings } = judgeChallenge(knocked);
  const named = challenge?.resourceMetadata;
  const addresses = [...new Set([...(named === undefined ? [] : [named]), ...wellKnownOf(url)])];
  const looks = await Promise.all(addresses.map((address) => probes.look(address)));
  // the named address is often the well-known one itself: it counts as both
  const isNamed = named !== undefined;
  const all = isNamed && wellKnownOf(url).includes(named) ? [looks[0] as Look, ...looks] : looks;
  if (!knocked.ok && looks.every((look) => !look.ok))
    return { findings: [...findings, untried('resource metadata', 'The server was not reached.')], scopes: [] };
  const { document, findings: found } = findMetadata(all, isNamed);
  const said = document === undefined ? [] : judgeMetadata(document, { url: text, issuer });
  const supported = document?.['scopes_supported'];
  const scopes = scopesIn([...(challenge?.scopes ?? []), ...(Array.isArray(supported) ? supported : [])]);
  return { findings: [...findings, ...found, ...said], scopes };
}

async function walkMcpServer(
  deps: WalkDeps,
  { url, text }: { url: URL; text: string },
  { knocked, forged }: Reached,
): Promise<readonly Finding[]> {
  const [server, { own, ways }, record, near] = await Promise.all([
    readMcpServer(deps, { url, text, knocked }),
    readOwn(deps),
    deps.findResource(text),
    firstOf(neighboursOf(url), deps.findResource),
  ]);
  const scopes = record === undefined ? undefined : judgeScopes(server.scopes, record);
  const live = record === undefined ? 0 : await deps.countLiveTokens({ resource: record.identifier });
  const authorize =
    record === undefined
      ? failed('authorize', 'Every client would be refused with invalid_target.', 'Register the address first.')
      : untried('authorize', 'Whether a client may have it depends on the client: give the doctor its client_id.');
  const token =
    live === 0
      ? untried('token', 'No token for it is alive.')
      : fine('token', `${live} live ${live === 1 ? 'token is' : 'tokens are'} for it.`);
  const call = knocked.ok ? judgeForgery(forged) : [];
  return [
    ...judgeAddress(url, text),
    ...server.findings,
    ...own.findings,
    ...judgeReach(url, deps.issuer),
    judgeRecord(record, near),
    ...(scopes === undefined ? [] : [scopes]),
    judgeWays(ways),
    authorize,
    token,
    ...call,
    untried('call', 'A good token was not tried: the doctor has none and makes none.'),
  ];
}

/** Everything our own records say of a client. */
async function walkRecords(deps: WalkDeps, client: KnownClient): Promise<readonly Finding[]> {
  const now = deps.clock.now();
  const resources = resourcesOf(client);
  const [facts, { decisions }, found] = await Promise.all([
    deps.policy.facts(client.id),
    deps.policy.list({ clientId: client.id, limit: 20 }),
    Promise.all(resources.map((resource) => deps.findResource(resource))),
  ]);
  const bounds = judgeBounds(
    resources,
    found.map((each) => each !== undefined),
  );
  const scopes = judgeRegisteredScopes(
    client.scopes,
    found.filter((each) => each !== undefined),
  );
  return [
    ...[bounds, scopes].filter((finding) => finding !== undefined),
    judgeDryRequest(deps.policy.decide(dryRequest(client, { facts, now }))),
    ...judgeDecisions(decisions, now),
  ];
}

const NO_CALL = untried('call', 'Calls were not tried: give the doctor the address of the MCP server.');

async function walkClient(deps: WalkDeps, client: KnownClient | undefined): Promise<readonly Finding[]> {
  const [{ own, ways }, records] = await Promise.all([readOwn(deps), client === undefined ? [] : walkRecords(deps, client)]);
  const registration = judgeClient(client, deps.clock.now());
  const redirects = client === undefined ? [] : [judgeRedirects(client.metadata, deps.redirectFaultOf)];
  const other = client === undefined ? [judgeWays(ways)] : [];
  return [...own.findings, registration, ...other, ...redirects, ...records, NO_CALL];
}

async function walkDocument(
  deps: WalkDeps,
  text: string,
  known: { look: Look; client: KnownClient | undefined },
): Promise<readonly Finding[]> {
  const { look, client } = known;
  const [{ own, ways }, records] = await Promise.all([readOwn(deps), client === undefined ? [] : walkRecords(deps, client)]);
  const { redirectFaultOf } = deps;
  const isDisabled = client !== undefined && client.status !== 'active';
  const registration = isDisabled ? judgeClient(client, deps.clock.now()) : judgeDocumentWay(ways, client !== undefined);
  return [...judgeDocument(look, { text, redirectFaultOf }), ...own.findings, registration, ...records, NO_CALL];
}

/** The walk over its probes and records. */
export function createWalk(deps: WalkDeps): Walk {
  const { probes } = deps;
  const examineAddress = async (url: URL, text: string): Promise<Examination> => {
    const [client, resource] = await Promise.all([deps.findClient(text), deps.findResource(text)]);
    const isDocument = client !== undefined || (resource === undefined && url.pathname.endsWith('.json'));
    if (isDocument) {
      const look = await probes.look(text);
      return { subject: text, kind: 'metadata_document', findings: await walkDocument(deps, text, { look, client }) };
    }
    const [knocked, forged, look] = await Promise.all([
      probes.knock(text, undefined),
      probes.knock(text, forgedToken(deps, text)),
      resource === undefined ? probes.look(text) : undefined,
    ]);
    if (look?.ok === true && look.seen.object?.['client_id'] !== undefined)
      return { subject: text, kind: 'metadata_document', findings: await walkDocument(deps, text, { look, client }) };
    return { subject: text, kind: 'mcp_server', findings: await walkMcpServer(deps, { url, text }, { knocked, forged }) };
  };
  return {
    async examine(input) {
      const subject = readSubject(input);
      if (subject.kind === 'address') return examineAddress(subject.url, subject.text);
      return { subject: subject.id, kind: 'client', findings: await walkClient(deps, await deps.findClient(subject.id)) };
    },
  };
}
