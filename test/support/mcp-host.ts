import * as modern from '@modelcontextprotocol/client';
import { type OAuthClientProvider, UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthClientInformationMixed, OAuthClientMetadata, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Person } from './person.ts';

/** What a program with an MCP client keeps on its disk. */
export interface HostMemory {
  information?: OAuthClientInformationMixed | undefined;
  tokens?: OAuthTokens | undefined;
  verifier?: string | undefined;
  discovery?: unknown;
}

/** A program that connects to MCP servers for somebody, as the official SDKs see it. */
export interface Host extends OAuthClientProvider {
  readonly memory: HostMemory;
  /** Where it sent the person so far. */
  readonly redirects: readonly URL[];
  /** Where the person's browser came back to, the last time. */
  readonly callback: () => URL;
  /** Every registration it made; a client that it was given is none. */
  readonly registrations: readonly OAuthClientInformationMixed[];
}

/** Who sits before the host, what it registers as, and what it kept from last time. */
export interface HostOptions {
  readonly person: Pick<Person, 'authorize'>;
  readonly metadata: OAuthClientMetadata;
  readonly memory?: HostMemory;
  /** A registration that somebody typed into it: it makes none by itself then. */
  readonly given?: OAuthClientInformationMixed;
  /** Its client ID metadata document, if it has one. */
  readonly clientMetadataUrl?: string;
}

/** A host without a registration, unless it was given one or its memory holds one. It forgets what the server refuses, as the SDKs ask for. */
export function createHost({ person, metadata, memory = {}, given, clientMetadataUrl }: HostOptions): Host {
  const redirects: URL[] = [];
  const registrations: OAuthClientInformationMixed[] = [];
  const last = { callback: new URL('about:blank') };
  const saveClientInformation = (next: OAuthClientInformationMixed): void => {
    if (next.client_id !== memory.information?.client_id) registrations.push(next);
    memory.information = next;
  };
  return {
    memory,
    redirects,
    registrations,
    callback: () => last.callback,
    redirectUrl: String(metadata.redirect_uris[0]),
    clientMetadata: metadata,
    ...(clientMetadataUrl === undefined ? {} : { clientMetadataUrl }),
    clientInformation: () => given ?? memory.information,
    ...(given === undefined ? { saveClientInformation } : {}),
    tokens: () => memory.tokens,
    saveTokens(tokens) {
      memory.tokens = tokens;
    },
    saveCodeVerifier(verifier) {
      memory.verifier = verifier;
    },
    codeVerifier: () => memory.verifier ?? '',
    discoveryState: () => memory.discovery as ReturnType<NonNullable<OAuthClientProvider['discoveryState']>>,
    saveDiscoveryState(discovery) {
      memory.discovery = discovery;
    },
    invalidateCredentials(what) {
      if (what === 'all' || what === 'client') memory.information = undefined;
      if (what === 'all' || what === 'tokens') memory.tokens = undefined;
    },
    async redirectToAuthorization(address) {
      redirects.push(address);
      last.callback = await person.authorize(address.href);
    },
  };
}

/** The same program, started again: nothing but what was on its disk is left. */
export function restarted(host: Host, options: Omit<HostOptions, 'memory'>): Host {
  return createHost({ ...options, memory: JSON.parse(JSON.stringify(host.memory)) as HostMemory });
}

/** An open connection to an MCP server. */
export interface Connection {
  /** Calls a tool; a person who is sent to the browser on the way finishes there, and the call is repeated. */
  call(tool: string, given?: Record<string, unknown>): Promise<unknown>;
  toolNames(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** One of the official client libraries. */
export interface ClientLibrary {
  readonly title: string;
  /** Connects, with the person at the browser when the server asks for them. */
  connect(url: URL, host: Host): Promise<Connection>;
}

interface Transport {
  finish(callback: URL): Promise<void>;
}

/** Does something, and once more after the person came back from the browser. */
async function throughBrowser<T>(work: () => Promise<T>, { finish }: Transport, host: Host): Promise<T> {
  const before = host.redirects.length;
  try {
    return await work();
  } catch (error) {
    const isSentAway = error instanceof UnauthorizedError || error instanceof modern.UnauthorizedError;
    if (!isSentAway || host.redirects.length === before) throw error;
    await finish(host.callback());
    return await work();
  }
}

const INFO = { name: 'test', version: '1.0.0' };

/** `@modelcontextprotocol/sdk`. */
export const sdkV1: ClientLibrary = {
  title: '@modelcontextprotocol/sdk',
  async connect(url, host) {
    const state: { client?: Client; transport?: StreamableHTTPClientTransport } = {};
    const finish = async (callback: URL) => state.transport?.finishAuth(callback.searchParams.get('code') ?? '');
    const open = async () => {
      state.client = new Client(INFO);
      state.transport = new StreamableHTTPClientTransport(url, { authProvider: host });
      await state.client.connect(state.transport as never);
      return state.client;
    };
    const client = await throughBrowser(open, { finish }, host);
    return {
      call: async (name, given = {}) => (await throughBrowser(() => client.callTool({ name, arguments: given }), { finish }, host)).content,
      toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
      close: () => client.close(),
    };
  },
};

/** `@modelcontextprotocol/client`: it reads `iss` of the answer, and speaks the newest revision that the MCP server knows. */
export const sdkV2: ClientLibrary = {
  title: '@modelcontextprotocol/client',
  async connect(url, host) {
    const state: { client?: modern.Client; transport?: modern.StreamableHTTPClientTransport } = {};
    const finish = async (callback: URL) => state.transport?.finishAuth(callback.searchParams);
    const open = async () => {
      state.client = new modern.Client(INFO, { versionNegotiation: { mode: 'auto' } });
      state.transport = new modern.StreamableHTTPClientTransport(url, { authProvider: host as modern.OAuthClientProvider });
      await state.client.connect(state.transport);
      return state.client;
    };
    const client = await throughBrowser(open, { finish }, host);
    return {
      call: async (name, given = {}) => (await throughBrowser(() => client.callTool({ name, arguments: given }), { finish }, host)).content,
      toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
      close: () => client.close(),
    };
  },
};
