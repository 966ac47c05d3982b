import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { AppError } from '../../platform/errors.ts';
import { isDeeperThan } from '../../platform/http/body.ts';
import { DISGUISES } from '../agent.ts';

/** What we keep of a card: its own words, bounded. Nothing else it names is ever followed, and its signatures are not checked. */
export interface CardFacts {
  readonly name: string;
  readonly description: string | undefined;
  readonly version: string | undefined;
  readonly provider: { readonly organization: string; readonly url: string | undefined } | undefined;
  /** Where the agent answers, the preferred one first. */
  readonly interfaces: readonly { readonly url: string; readonly binding: string | undefined }[];
  /** How callers prove themselves there; the digest is over the whole scheme. */
  readonly securitySchemes: readonly { readonly name: string; readonly kind: string; readonly digest: string }[];
  readonly skills: readonly { readonly name: string; readonly description: string | undefined }[];
  /** The keys that signed it, as the signatures name them. */
  readonly keys: readonly string[];
}

/** A card as it was read. */
export interface AgentCard {
  readonly facts: CardFacts;
  /** `sha-256:` of the JCS form (RFC 8785) without `signatures`, which is what the signatures of A2A §8.4 cover. */
  readonly contentHash: string;
  /** A digest of each member, so that a change can be named without keeping the whole card; of `signatures` their keys alone. */
  readonly members: Readonly<Record<string, string>>;
}

const MAX_DEPTH = 20;
const MAX_MEMBERS = 64;
const MAX_SKILLS = 200;
const MAX_LISTED = 20;

function refused(words: string): AppError {
  return new AppError('invalid_input', `This is no agent card: ${words}.`, { member: 'url' });
}

/** `sha-256:` and the base64url SHA-256 of the JCS form. @throws {AppError} for what has none, such as numbers beyond all bounds. */
function digestOf(value: unknown): string {
  try {
    return `sha-256:${createHash('sha256')
      .update(canonicalize(value) ?? '')
      .digest('base64url')}`;
  } catch {
    throw refused('it holds values that have no canonical form');
  }
}

/** One line, cut to `max` characters; a text that hides or turns others is not cut but refused (security rule R11). */
const line = (max: number) =>
  z
    .string('is a text')
    .transform((text) => [...text.trim().normalize('NFC').replaceAll(/\s+/g, ' ')].slice(0, max).join(''))
    .refine((text) => text !== '' && !DISGUISES.test(text), 'is empty or holds invisible characters');
const paragraph = (max: number) =>
  z
    .string('is a text')
    .transform((text) => [...text.trim().normalize('NFC').replaceAll('\r\n', '\n')].slice(0, max).join(''))
    .refine((text) => !DISGUISES.test(text.replaceAll(/[\n\t]/g, '')), 'holds invisible characters')
    .transform((text) => (text === '' ? undefined : text.replaceAll('\t', ' ')));

const cardInterface = z.object({ url: line(500), protocolBinding: line(60).optional(), transport: line(60).optional() });
const scheme = z.record(z.string(), z.unknown());

/** A2A v1.0 §4.4.1, and the older form with one `url`. Members that are not here are tolerated and count for the hash alone. */
const cardSchema = z.object({
  name: line(120),
  description: paragraph(2000).optional(),
  version: line(60).optional(),
  provider: z.object({ organization: line(120), url: line(500).optional() }).optional(),
  url: line(500).optional(),
  preferredTransport: line(60).optional(),
  supportedInterfaces: z.array(cardInterface).max(MAX_LISTED, `has at most ${MAX_LISTED} entries`).optional(),
  additionalInterfaces: z.array(cardInterface).max(MAX_LISTED, `has at most ${MAX_LISTED} entries`).optional(),
  securitySchemes: z.record(line(120), scheme).optional(),
  skills: z
    .array(z.object({ name: line(120), description: paragraph(300).optional() }))
    .max(MAX_SKILLS, `has at most ${MAX_SKILLS} entries`)
    .default([]),
  signatures: z
    .array(z.object({ protected: z.string('is a text').max(8_192, 'is too long') }))
    .max(MAX_LISTED, `has at most ${MAX_LISTED} entries`)
    .default([]),
});
type GivenCard = z.output<typeof cardSchema>;

function interfacesOf({
  url,
  preferredTransport,
  supportedInterfaces = [],
  additionalInterfaces = [],
}: GivenCard): CardFacts['interfaces'] {
  const first = url === undefined ? [] : [{ url, binding: preferredTransport }];
  const others = [...supportedInterfaces, ...additionalInterfaces].map((one) => ({
    url: one.url,
    binding: one.protocolBinding ?? one.transport,
  }));
  const all = [...first, ...others];
  return all.filter((one, index) => all.findIndex((other) => isDeepStrictEqual(one, other)) === index);
}

/** v1.0 names the kind by the member that is there, the older form by `type`. */
function kindOf(given: Readonly<Record<string, unknown>>): string {
  const [wrapped] = Object.keys(given).filter((name) => /^[A-Za-z0-9]{1,40}SecurityScheme$/.test(name));
  if (wrapped !== undefined) return wrapped.replace(/SecurityScheme$/, '');
  return typeof given['type'] === 'string' && /^[A-Za-z0-9]{1,40}$/.test(given['type']) ? given['type'] : 'other';
}

/** How the protected header of a signature names its key (RFC 7515 §4.1); a header that cannot be read, by its digest. */
function keyOf(encoded: string): string {
  try {
    const header = JSON.parse(Buffer.from(encoded, 'base64url').toString()) as Record<string, unknown>;
    const named = [header['alg'], header['kid'], header['jku'], header['x5u']].filter((part) => typeof part === 'string');
    const carried = ['jwk', 'x5c', 'x5t#S256'].filter((name) => header[name] !== undefined).map((name) => digestOf(header[name]));
    const text = [...named, ...carried].join(' ');
    if (text !== '' && text.length <= 500 && !DISGUISES.test(text)) return text;
  } catch {
    // named by its digest below
  }
  return digestOf(encoded);
}

function factsOf(card: GivenCard): CardFacts {
  const { name, description, version, provider, securitySchemes = {}, skills, signatures } = card;
  const schemes = Object.entries(securitySchemes);
  if (schemes.length > MAX_LISTED) throw refused(`securitySchemes has at most ${MAX_LISTED} entries`);
  const interfaces = interfacesOf(card);
  if (interfaces.length === 0) throw refused('it does not say where the agent answers');
  return {
    name,
    description,
    version,
    provider: provider && { organization: provider.organization, url: provider.url },
    interfaces,
    securitySchemes: schemes
      .map(([id, given]) => ({ name: id, kind: kindOf(given), digest: digestOf(given) }))
      .sort((one, other) => (one.name < other.name ? -1 : 1)),
    skills: skills.map((skill) => ({ name: skill.name, description: skill.description })),
    keys: signatures.map((signature) => keyOf(signature.protected)).sort(),
  };
}

function objectIn(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refused('it is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused('it is not a JSON object');
  if (isDeeperThan(value, MAX_DEPTH - 1)) throw refused(`it is nested deeper than ${MAX_DEPTH}`);
  if (Object.keys(value).length > MAX_MEMBERS) throw refused(`it has more than ${MAX_MEMBERS} members`);
  return value as Record<string, unknown>;
}

/** Names that may stand in the audit; members with other names share one digest. */
const PLAIN_NAME = /^[A-Za-z$@][\w.:$@-]{0,63}$/;

function digestsOf(content: Readonly<Record<string, unknown>>, { keys }: CardFacts): AgentCard['members'] {
  const all = Object.entries(content);
  const named = all.filter(([name]) => PLAIN_NAME.test(name)).map(([name, member]) => [name, digestOf(member)]);
  const others = all.filter(([name]) => !PLAIN_NAME.test(name));
  return {
    ...Object.fromEntries(named),
    ...(others.length === 0 ? {} : { others: digestOf(others) }),
    ...(keys.length === 0 ? {} : { signatures: digestOf(keys) }),
  };
}

/** Reads a card from the text of an answer. @throws {AppError} `invalid_input` that says what is wrong with it. */
export function readCard(text: string): AgentCard {
  const value = objectIn(text);
  const result = cardSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = (issue?.path ?? [])
      .slice(0, 3)
      .map(String)
      .join('.')
      .replaceAll(/[^\w.-]/g, '?')
      .slice(0, 80);
    // the schema library's own messages begin with a capital
    throw refused(`${where} ${/^[a-z]/.test(issue?.message ?? '') ? issue?.message : 'is missing or not what it should be'}`);
  }
  const facts = factsOf(result.data);
  const { signatures: _, ...content } = value;
  return { facts, contentHash: digestOf(content), members: digestsOf(content, facts) };
}

/** The names of the members that are new, gone or different, in order. */
export function changedMembers(before: AgentCard['members'], after: AgentCard['members']): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).sort();
}

/** What decides whom one talks to, and how: who answers for the agent, where it is, how callers prove themselves, who signed. */
const DECISIVE = [
  ['provider', 'its provider'],
  ['interfaces', 'where it answers'],
  ['securitySchemes', 'how callers prove themselves'],
  ['keys', 'the key that signs it'],
] as const;

/** Which of them differ, in words; an agent whose card changed there is looked at before it goes on. */
export function decisiveChanges(before: CardFacts, after: CardFacts): readonly string[] {
  const plain = (value: unknown) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));
  return DECISIVE.filter(([name]) => !isDeepStrictEqual(plain(before[name]), plain(after[name]))).map(([, words]) => words);
}
