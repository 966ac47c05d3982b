import { z } from 'zod';
import { AppError } from '../../platform/errors.ts';

/** Which software may register without an initial access token (RFC 7591 §3): any, what comes with a trusted statement, or none. */
export const openRegistrations = ['open', 'statement', 'token'] as const;
/** Whose yes lets software in that nobody here knows: a person's for themselves, or an administrator's for everybody. */
export const newSoftwareChoices = ['person', 'administrator'] as const;
/** Whose metadata documents are read: anybody's, those of listed domains, or none. */
export const documentChoices = ['open', 'allow_list', 'off'] as const;
/** The riskiest scopes that a person's yes alone gives. */
export const selfServiceRisks = ['low', 'medium', 'high'] as const;

/** How software gets in that no administrator registered (security rule R5). */
export interface EnrolmentChoice {
  readonly openRegistration: (typeof openRegistrations)[number];
  readonly newSoftware: (typeof newSoftwareChoices)[number];
  readonly documents: (typeof documentChoices)[number];
  /** Host names in lower case; one counts for itself and what lies below it. */
  readonly documentDomains: readonly string[];
  readonly selfServiceRisk: (typeof selfServiceRisks)[number];
}

/** The setting as administrators left it. */
export interface EnrolmentSetting {
  readonly choice: EnrolmentChoice;
  /** Counts changes; 0: nobody ever set it. */
  readonly version: number;
  /** The id of whoever set it last. */
  readonly changedBy: string | undefined;
  readonly changedAt: Date | undefined;
}

/**
 * What holds until an administrator says otherwise: whoever signs in may let software act for them, and nothing that its resource
 * server marks as high risk. Else the first try of every MCP client would end at a page that sends people away.
 */
export const welcoming: EnrolmentSetting = {
  choice: { openRegistration: 'open', newSoftware: 'person', documents: 'open', documentDomains: [], selfServiceRisk: 'medium' },
  version: 0,
  changedBy: undefined,
  changedAt: undefined,
};

/** What holds when the stored choice cannot be read: nobody comes in by themselves. */
export const strictestChoice: EnrolmentChoice = {
  openRegistration: 'token',
  newSoftware: 'administrator',
  documents: 'off',
  documentDomains: [],
  selfServiceRisk: 'low',
};

const MOST_DOMAINS = 200;
const domain = z
  .string()
  .transform((text) => text.trim().toLowerCase())
  .refine(
    (text) => /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text),
    'is not a host name',
  );

const choiceSchema = z.strictObject({
  openRegistration: z.enum(openRegistrations),
  newSoftware: z.enum(newSoftwareChoices),
  documents: z.enum(documentChoices),
  documentDomains: z.array(domain).max(MOST_DOMAINS, `has at most ${MOST_DOMAINS} entries`),
  selfServiceRisk: z.enum(selfServiceRisks),
});

/** A choice as it arrives. @throws {AppError} `invalid_input` with the member at fault. */
export function readChoice(input: unknown): EnrolmentChoice {
  const result = choiceSchema.safeParse(input);
  if (!result.success) {
    const [issue] = result.error.issues;
    const member = String(issue?.path[0] ?? 'choice');
    const isOurs = issue?.code === 'custom' || issue?.code === 'too_big';
    throw new AppError('invalid_input', isOurs ? `An entry ${issue.message}.` : 'Choose one of the list.', { member });
  }
  const { choice, documentDomains } = { choice: result.data, documentDomains: [...new Set(result.data.documentDomains)] };
  if (choice.documents === 'allow_list' && documentDomains.length === 0)
    throw new AppError('invalid_input', 'Name at least one domain, or choose another answer.', { member: 'documentDomains' });
  return { ...choice, documentDomains };
}

/** A choice as it is kept. */
export function choiceText(choice: EnrolmentChoice): string {
  return JSON.stringify(choice);
}

/** A kept choice; one that this version cannot read is the strictest. */
export function choiceFrom(text: string): EnrolmentChoice {
  try {
    return readChoice(JSON.parse(text));
  } catch {
    return strictestChoice;
  }
}

/** Whether a scope of this risk needs more than the yes of the person it is for. */
export function isBeyond(risk: EnrolmentChoice['selfServiceRisk'], most: EnrolmentChoice['selfServiceRisk']): boolean {
  return selfServiceRisks.indexOf(risk) > selfServiceRisks.indexOf(most);
}
