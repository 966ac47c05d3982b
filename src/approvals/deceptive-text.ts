/** Longest binding message, in characters: it has to be compared by eye on two screens (CIBA Core §7.1). */
export const MAX_BINDING_MESSAGE = 64;

/** Control, format (bidi, zero-width), line-separating, private and unassigned characters: they make a text read differently. */
const DECEPTIVE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/u;
/** Marks upon marks hide what stands below them. */
const STACKED_MARKS = /\p{M}{3,}/u;
const WORD = /[\p{L}\p{M}]+/gu;
/** Scripts whose letters are taken for one another. */
const SCRIPTS = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Coptic}/u,
];

/** What is wrong with a binding message, or undefined (CIBA Core §7.1, R11). ASCII without quotes: fit for an error_description. */
export function faultOfBindingMessage(text: string): string | undefined {
  const length = [...text].length;
  if (length === 0 || text.trim() === '') return 'the binding_message is empty';
  if (length > MAX_BINDING_MESSAGE) return `the binding_message is longer than ${MAX_BINDING_MESSAGE} characters`;
  if (DECEPTIVE.test(text) || STACKED_MARKS.test(text)) return 'the binding_message holds control, direction or invisible characters';
  return undefined;
}

/** Whether a word of the text mixes alphabets whose letters look alike (`pаypal` with a Cyrillic а): shown to whoever decides (R11). */
export function mixesScripts(text: string): boolean {
  return (text.match(WORD) ?? []).some((word) => SCRIPTS.filter((script) => script.test(word)).length > 1);
}
