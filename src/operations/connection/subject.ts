import { AppError } from '../../platform/errors.ts';

/** What somebody asked about: an address, whose kind is not known yet, or the id of a client. */
export type Subject =
  | { readonly kind: 'address'; readonly url: URL; readonly text: string }
  | { readonly kind: 'client'; readonly id: string };

const LONGEST = 2_000;
const PRINTABLE = /^[!-~]+$/;

/**
 * Reads what was typed or pasted. The text of an address is kept as it is, because clients compare it letter by letter.
 * @throws {AppError} `invalid_input` when it is empty, longer than 2,000 characters, not printable, or an address with user information.
 */
export function readSubject(input: string): Subject {
  const text = input.trim();
  const refusal = (words: string) => new AppError('invalid_input', words, { member: 'subject' });
  if (text === '') throw refusal('Give the address of an MCP server, or a client_id.');
  if (text.length > LONGEST || !PRINTABLE.test(text))
    throw refusal(`That is no address or client_id: printable characters, at most ${LONGEST}.`);
  if (!/^https?:\/\//i.test(text)) return { kind: 'client', id: text };
  if (!URL.canParse(text)) throw refusal('That is not a well-formed address.');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') throw refusal('An address with user information is not called: take it out.');
  return { kind: 'address', url, text };
}

/** Where two addresses differ, without repeating the other one: it comes from somebody else (security rule R21). */
export function differenceOf(expected: string, other: string): string {
  if (!URL.canParse(other)) return 'what it names is not an address';
  const [one, two] = [new URL(expected), new URL(other)];
  if (other.replace(/\/$/, '') === expected.replace(/\/$/, '')) return 'they differ by a slash at the end';
  if (one.href === two.href) return 'they differ in how the same address is spelled, such as upper case or a default port';
  if (one.protocol !== two.protocol) return 'they differ in http and https';
  if (one.hostname !== two.hostname) return 'the hosts differ';
  if (one.port !== two.port) return 'the ports differ';
  if (one.pathname !== two.pathname) return 'the paths differ';
  return 'they differ behind the path';
}
