/** Control, format (bidi, zero-width), line-separating, private and unassigned characters: they make a text read differently. */
const deceptive = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/u;
/** Marks upon marks hide what stands below them. */
const stackedMarks = /\p{M}{3,}/u;

/**
 * What is wrong with a text that people read and programs compare, or undefined (R11). One spelling only (Unicode normal form C, UAX
 * #15): two texts that look alike letter by letter must not be two names. ASCII without quotes: fit for an error_description.
 */
export function faultOfText(text: string): string | undefined {
  if (deceptive.test(text) || stackedMarks.test(text)) return 'holds control or invisible characters';
  return text === text.normalize('NFC') ? undefined : 'is not in Unicode normal form C';
}
