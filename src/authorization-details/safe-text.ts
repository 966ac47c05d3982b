/** Control, format (bidi, zero-width), line-separating, private and unassigned characters: they make a text read differently. */
const deceptive = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/u;
/** Marks upon marks hide what stands below them. */
const stackedMarks = /\p{M}{3,}/u;

/** What a text from outside is looked through for; answers ASCII without quotes, fit for an error_description, or undefined. */
export type TextCheck = (text: string) => string | undefined;

/** What is wrong with a text that people read, or undefined (R11). */
export const faultOfText: TextCheck = (text) => (deceptive.test(text) ? 'holds control or invisible characters' : undefined);

/**
 * What is wrong with how a new text is spelt, or undefined: one spelling only (Unicode normal form C, UAX #15), because two texts that
 * look alike letter by letter must not be two names.
 */
export const faultOfSpelling: TextCheck = (text) => {
  if (stackedMarks.test(text)) return 'piles up marks';
  return text === text.normalize('NFC') ? undefined : 'is not in Unicode normal form C';
};
