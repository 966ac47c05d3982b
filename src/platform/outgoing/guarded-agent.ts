import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { reachOf } from './addresses.ts';
import { OutgoingError } from './outgoing-error.ts';

/** All addresses of a host name, as the system resolves it. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** What the agent may reach, and how names are resolved; `trustedCertificates` (PEM) are trusted in place of Node's list. */
export interface AgentDeps {
  readonly allowLoopback: boolean;
  readonly resolve?: Resolve;
  readonly trustedCertificates?: string;
}

const CONNECT_TIMEOUT_MS = 3_000;
const CONNECTIONS_PER_ORIGIN = 8;
const ORIGINS = 256;
const HEADER_BYTES = 16 * 1024;
const ADDRESSES = 32;

const resolveBySystem: Resolve = async (hostname) => (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

function stripBrackets(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
}

/** One bad address spoils the name: a name that answers with a public and an inner address is how rebinding begins. */
function assertReachable(addresses: readonly string[], protocol: string, allowLoopback: boolean): void {
  if (addresses.length === 0 || addresses.length > ADDRESSES) throw new OutgoingError('address');
  for (const address of addresses) {
    const reach = reachOf(address);
    const isAllowed = reach === 'loopback' ? allowLoopback : reach === 'public' && protocol === 'https:';
    if (!isAllowed) throw new OutgoingError('address');
  }
}

/** Tries the checked addresses in turn; each attempt is given a literal address, so nothing is resolved a second time. */
function connectInTurn(
  connect: buildConnector.connector,
  options: buildConnector.Options,
  addresses: readonly string[],
): Promise<Awaited<ReturnType<typeof connectOnce>>> {
  const [first, ...rest] = addresses;
  if (first === undefined) return Promise.reject(new OutgoingError('connection'));
  return connectOnce(connect, { ...options, hostname: first }).catch((error: unknown) => {
    if (rest.length === 0) throw error;
    return connectInTurn(connect, options, rest);
  });
}

type Connected = Extract<Parameters<buildConnector.Callback>, [null, unknown]>[1];

function connectOnce(connect: buildConnector.connector, options: buildConnector.Options): Promise<Connected> {
  return new Promise((resolve, reject) => {
    connect(options, (...[error, socket]) => {
      if (error === null) resolve(socket as Connected);
      else reject(error);
    });
  });
}

/**
 * An undici dispatcher whose every connection goes to an address that was resolved once, checked (all answers of the resolver), and
 * then pinned (R21). Certificates are checked against the name. Plain http reaches loopback only, and only with `allowLoopback`.
 */
export function createGuardedAgent(deps: AgentDeps): Agent {
  const resolve = deps.resolve ?? resolveBySystem;
  const trust = deps.trustedCertificates === undefined ? {} : { ca: deps.trustedCertificates };
  const connectTo = buildConnector({ allowH2: false, timeout: CONNECT_TIMEOUT_MS, ...trust });

  const open = async (options: buildConnector.Options): Promise<Connected> => {
    const hostname = stripBrackets(options.hostname);
    const addresses = isIP(hostname) === 0 ? await resolve(hostname) : [hostname];
    assertReachable(addresses, options.protocol, deps.allowLoopback);
    // `options.host` stays the name: the connector asks for it and checks the certificate against it.
    return connectInTurn(connectTo, options, addresses.slice(0, 3));
  };
  return new Agent({
    allowH2: false,
    connections: CONNECTIONS_PER_ORIGIN,
    maxOrigins: ORIGINS,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
    maxHeaderSize: HEADER_BYTES,
    connect: (options, callback) => {
      open(options).then(
        (socket) => callback(null, socket),
        (error: unknown) => callback(error instanceof Error ? error : new OutgoingError('connection'), null),
      );
    },
  });
}
