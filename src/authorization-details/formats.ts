import { canonicalResourceUri } from '../resource-servers/index.ts';
import { isDecimal } from './decimal.ts';
import type { MemberFormat } from './detail-type.ts';

/** RFC 3339, with seconds; `Date.parse` then judges the calendar. Every quantifier is bounded, so it cannot backtrack far. */
const dateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?(?:Z|[+-]\d{2}:\d{2})$/;
const pathCharacters = /^\/[A-Za-z0-9\-._~!$&'()+,;=:@/]*\*?$/;

/** Names that would reach the prototype of an object in a careless resource server. */
const treacherousNames = new Set(['__proto__', 'constructor', 'prototype']);

/** The checks behind `format` in a type's schema: functions of ours, so that no pattern ever comes from outside. */
export const formats: Record<MemberFormat, (text: string) => boolean> = {
  'account-number': (text) => /^[A-Z0-9]{4,34}$/.test(text) && !isMistypedIban(text),
  amount: (text) => isDecimal(text) && !text.startsWith('-'),
  'argument-name': (text) => /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/.test(text) && !treacherousNames.has(text),
  currency: (text) => /^[A-Z]{3}$/.test(text),
  'date-time': (text) => dateTime.test(text) && !Number.isNaN(Date.parse(text)),
  decimal: isDecimal,
  'path-pattern': isPathPattern,
  'resource-uri': (text) => canonicalResourceUri(text).ok,
};

/** ISO 13616: two letters and two check digits in front say that it is an IBAN; then the whole is 1 modulo 97. */
function isMistypedIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false;
  const digits = [...text.slice(4), ...text.slice(0, 4)].map((letter) => Number.parseInt(letter, 36)).join('');
  return BigInt(digits) % 97n !== 1n;
}

/**
 * A path, or all paths below one (`/invoices/*`). A star only after the last slash; no escapes, empty or dot segments, because
 * a router downstream may resolve them to a path outside the pattern.
 */
function isPathPattern(text: string): boolean {
  if (text.length > 256 || !pathCharacters.test(text)) return false;
  if (text.includes('*') && !text.endsWith('/*')) return false;
  const segments = text.slice(1).split('/');
  return !segments.some((segment, index) => segment === '.' || segment === '..' || (segment === '' && index < segments.length - 1));
}
