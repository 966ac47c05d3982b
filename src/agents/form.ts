import { AppError } from '../platform/errors.ts';
import { type Agent, type AgentChanges, autonomies, ownerOf, riskLevels } from './agent.ts';

/** A posted form, as platform/http hands it over. */
type Posted = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What the inputs of views/console/agent-form.eta hold. */
export interface AgentFormValues {
  readonly name: string;
  readonly owner: string;
  /** Typed instead of choosing from the list, which is not endless; it wins. */
  readonly ownerEmail: string;
  readonly purpose: string;
  readonly riskLevel: string;
  readonly autonomy: string;
  readonly environment: string;
  /** yyyy-mm-dd */
  readonly validUntil: string;
  /** Minutes that a new agent lives; empty: until its end, or for good. */
  readonly ttlMinutes: string;
  readonly maxDelegationDepth: string;
  readonly maxChildren: string;
  readonly maxChildDepth: string;
  /** The version that was read; empty for a new agent. */
  readonly version: string;
}

/** A fault beside its input. */
export interface Fault {
  readonly field?: string;
  readonly message: string;
}

/** The text of a field; empty when it is missing or was sent twice. */
export function fieldOf(form: Posted, name: string): string {
  const value = form[name];
  return typeof value === 'string' ? value.trim() : '';
}

/** The values of a posted form, to be read or shown again. */
export function valuesOfForm(form: Posted): AgentFormValues {
  const at = (name: string) => fieldOf(form, name);
  return {
    name: at('name'),
    owner: at('owner'),
    ownerEmail: at('ownerEmail'),
    purpose: at('purpose'),
    riskLevel: at('riskLevel'),
    autonomy: at('autonomy'),
    environment: at('environment'),
    validUntil: at('validUntil'),
    ttlMinutes: at('ttlMinutes'),
    maxDelegationDepth: at('maxDelegationDepth'),
    maxChildren: at('maxChildren'),
    maxChildDepth: at('maxChildDepth'),
    version: at('version'),
  };
}

const dayOf = (at: Date | undefined): string => at?.toISOString().slice(0, 10) ?? '';

/** The values of an agent; of a new one the usual ones. */
export function valuesOfAgent(agent?: Agent): AgentFormValues {
  return {
    name: agent?.displayName ?? '',
    owner: agent?.owner?.id ?? '',
    ownerEmail: '',
    purpose: agent?.purpose ?? '',
    riskLevel: agent?.riskLevel ?? 'medium',
    autonomy: agent?.autonomy ?? 'interactive',
    environment: agent === undefined ? 'production' : (agent.environment ?? ''),
    validUntil: dayOf(agent?.validUntil),
    ttlMinutes: '',
    maxDelegationDepth: agent?.maxDelegationDepth?.toString() ?? '',
    maxChildren: agent?.maxChildren?.toString() ?? '',
    maxChildDepth: agent?.maxChildDepth?.toString() ?? '',
    version: agent?.version.toString() ?? '',
  };
}

function chosen<Choice extends string>(value: string, choices: readonly Choice[], member: string): Choice {
  const choice = choices.find((one) => one === value);
  if (choice === undefined) throw new AppError('invalid_input', 'Choose one of the list.', { member });
  return choice;
}

/** The last instant of a day (UTC): "ends on" includes the day. @throws {AppError} `invalid_input` with the member at fault. */
export function endOfDay(text: string, member: string): Date | undefined {
  if (text === '') return undefined;
  const at = new Date(`${text}T23:59:59.999Z`);
  if (/^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at.getTime())) return at;
  throw new AppError('invalid_input', 'A day is written like 2027-01-31.', { member });
}

/** The status of a form that is shown again; refusals of other kinds are not the form's to show. */
export function statusOfFault(error: unknown): number {
  if (error instanceof AppError && error.code === 'invalid_input') return 422;
  if (error instanceof AppError && error.code === 'conflict') return 409;
  throw error;
}

/** A number of few digits; empty: not said. What is no number is NaN, which no member takes. */
function countIn(text: string): number | undefined {
  if (text === '') return undefined;
  return /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
}

/** How long a new agent lives, in minutes. */
export function readTtl({ ttlMinutes }: AgentFormValues): number | undefined {
  if (ttlMinutes === '') return undefined;
  return /^\d{1,6}$/.test(ttlMinutes) ? Number(ttlMinutes) : Number.NaN;
}

/**
 * What a form asks for. A day that was not changed leaves the hour at which the agent ends.
 * @throws {AppError} `invalid_input` with the member at fault.
 */
export function readAgentForm(values: AgentFormValues, agent?: Pick<Agent, 'validUntil'>): AgentChanges & { readonly displayName: string } {
  const { owner } = values;
  const owned = owner === '' ? undefined : ownerOf(owner);
  if (owner !== '' && owned === undefined) throw new AppError('invalid_input', 'Choose one of the list.', { member: 'owner' });
  if (values.name === '') throw new AppError('invalid_input', 'Give it a name.', { member: 'displayName' });
  return {
    displayName: values.name,
    owner: owned,
    purpose: values.purpose,
    riskLevel: chosen(values.riskLevel, riskLevels, 'riskLevel'),
    autonomy: chosen(values.autonomy, autonomies, 'autonomy'),
    environment: values.environment === '' ? undefined : values.environment,
    validUntil: values.validUntil === dayOf(agent?.validUntil) ? agent?.validUntil : endOfDay(values.validUntil, 'validUntil'),
    maxDelegationDepth: countIn(values.maxDelegationDepth),
    maxChildren: countIn(values.maxChildren),
    maxChildDepth: countIn(values.maxChildDepth),
  };
}

/** A refusal as a fault of the form it came from. */
export function faultOf({ message, details: { member } }: AppError): Fault {
  if (member === undefined) return { message };
  return { field: member === 'displayName' ? 'name' : member, message: message.replace(/^displayName /, 'The name ') };
}
