import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../platform/errors.ts';
import { constantTimeEqual } from '../../platform/vault.ts';
import { type Agent, type AgentModel, DISGUISES } from '../agent.ts';

/** What software says it is when it asks for a token. Undefined: it does not say. */
export interface Running {
  /** `sha-256:` and the base64url SHA-256 of what it is made of. */
  readonly digest: string | undefined;
  readonly model: AgentModel | undefined;
}

/** What was agreed to run, as the record of an agent says it. */
export type Agreed = Pick<Agent, 'manifestDigest' | 'model'>;

/** A part of what runs, by the name of its member in the record. */
export type RunningPart = 'manifestDigest' | 'model.provider' | 'model.name' | 'model.version';

/** How what runs stands to what was agreed, part by part. */
export interface Difference {
  /** The record says something else. */
  readonly contradicted: readonly RunningPart[];
  /** The record says nothing: nobody agreed to it, and nobody agreed to anything else. */
  readonly unrecorded: readonly RunningPart[];
}

/** How something that was presented was settled; undefined as long as it is open. */
export type DriftOutcome = 'accepted' | 'recordChanged' | 'superseded' | 'dismissed';

/** Something an agent's software presented and its record does not say. */
export interface Drift {
  readonly id: string;
  readonly agentId: string;
  readonly presented: Running;
  /** What the record said when it was first presented. */
  readonly recorded: Agreed;
  /** The client that presented it last. */
  readonly clientId: string;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  readonly times: number;
  readonly closedAt: Date | undefined;
  readonly closedBy: string | undefined;
  readonly outcome: DriftOutcome | undefined;
}

/** The parameters of a token request in which software says what it is. */
export const RUNNING_PARAMETERS = ['agent_manifest_digest', 'agent_model'] as const;

const MAX_MODEL_TEXT = 1_000;
const HEX = /^sha-?256:([0-9a-f]{64})$/i;
const BASE64URL = /^sha-?256:([A-Za-z0-9_-]{43})$/i;
const modelParts = ['provider', 'name', 'version'] as const;

const word = z
  .string()
  .max(480)
  .transform((text) => text.trim().normalize('NFC'))
  .refine((text) => text !== '' && [...text].length <= 120 && !DISGUISES.test(text));
const modelSchema = z
  .strictObject({ provider: word.optional(), name: word.optional(), version: word.optional() })
  .refine((model) => Object.values(model).some((value) => value !== undefined));

/** A SHA-256 in its one normal form, `sha-256:` and base64url; undefined for what is none. Hex and the prefix of OCI are taken too. */
export function normalDigest(text: string): string | undefined {
  const hex = HEX.exec(text)?.[1];
  if (hex !== undefined) return `sha-256:${Buffer.from(hex, 'hex').toString('base64url')}`;
  const encoded = BASE64URL.exec(text)?.[1];
  if (encoded === undefined) return undefined;
  // the last character has two bits to spare: text that differs only there is the same digest
  return `sha-256:${Buffer.from(encoded, 'base64url').toString('base64url')}`;
}

function malformed(member: string, words: string): AppError {
  return new AppError('invalid_input', `${member} ${words}`, { member });
}

function digestIn(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const digest = typeof value === 'string' ? normalDigest(value) : undefined;
  if (digest === undefined) throw malformed('agent_manifest_digest', 'is sha-256: and 64 hexadecimal or 43 base64url characters');
  return digest;
}

function modelIn(value: unknown): AgentModel | undefined {
  if (value === undefined) return undefined;
  const words = `is a JSON object of at most ${MAX_MODEL_TEXT} characters with provider, name and version, each a text of 1 to 120`;
  if (typeof value !== 'string' || value.length > MAX_MODEL_TEXT) throw malformed('agent_model', words);
  try {
    return modelSchema.parse(JSON.parse(value));
  } catch {
    throw malformed('agent_model', words);
  }
}

/**
 * What the parameters of a token request say about the software; undefined when they say nothing.
 * @throws {AppError} `invalid_input` with the parameter as member.
 */
export function readRunning(parameters: Readonly<Record<string, unknown>>): Running | undefined {
  const digest = digestIn(parameters['agent_manifest_digest']);
  const model = modelIn(parameters['agent_model']);
  return digest === undefined && model === undefined ? undefined : { digest, model };
}

/** Its members that have a value: an empty one says as little as a missing one. */
export function partsOf(digest: string | undefined, model: AgentModel | undefined): ReadonlyMap<RunningPart, string> {
  const parts: [RunningPart, string | undefined][] = [
    ['manifestDigest', digest],
    ...modelParts.map((part) => [`model.${part}`, model?.[part]] as [RunningPart, string | undefined]),
  ];
  return new Map(parts.filter((part): part is [RunningPart, string] => part[1] !== undefined && part[1] !== ''));
}

function isSame(part: RunningPart, presented: string, recorded: string): boolean {
  if (part !== 'manifestDigest') return presented === recorded.trim().normalize('NFC');
  return constantTimeEqual(presented, normalDigest(recorded) ?? recorded);
}

/**
 * Compares what runs with what was agreed. What the software does not say contradicts nothing, and what the record does not say
 * cannot be contradicted. Digests are compared in their normal form. Pure.
 */
export function differenceOf({ manifestDigest, model }: Agreed, running: Running): Difference {
  const recorded = partsOf(manifestDigest, model);
  const presented = [...partsOf(running.digest, running.model)];
  return {
    contradicted: presented.filter(([part, value]) => recorded.has(part) && !isSame(part, value, recorded.get(part) ?? '')).map(first),
    unrecorded: presented.filter(([part]) => !recorded.has(part)).map(first),
  };
}

const first = <T>([one]: readonly [T, ...unknown[]]): T => one;

/** Whether the record says all that runs. */
export function isAgreed({ contradicted, unrecorded }: Difference): boolean {
  return contradicted.length === 0 && unrecorded.length === 0;
}

/** The record as it is once somebody agreed to what runs: what was not presented stays. */
export function agreedTo(agreed: Agreed, { digest, model }: Running): Agreed {
  const given = Object.fromEntries(Object.entries(model ?? {}).filter(([, value]) => value !== undefined));
  return {
    manifestDigest: digest ?? agreed.manifestDigest,
    model: model === undefined ? agreed.model : { ...agreed.model, ...given },
  };
}

/** What makes two presentations the same; a key, not a secret. */
export function fingerprintOf({ digest, model }: Running): string {
  return createHash('sha256')
    .update(JSON.stringify([...partsOf(digest, model)]))
    .digest('base64url');
}

/** Everything an agreement or a piece of software says, in one line for the audit. */
export function lineOf(digest: string | undefined, model: AgentModel | undefined): string {
  const parts = [...partsOf(digest, model)].map(([part, value]) => `${part} ${value}`);
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
