import type { Form } from '../../../platform/http/web.ts';
import { AppError } from '../../../platform/errors.ts';
import { riskLevels } from '../../agent.ts';
import { endOfDay, fieldOf } from '../../form.ts';
import type { NewCampaign } from '../campaign.ts';

/** What the inputs of views/console/certification-form.eta hold. */
export interface CampaignFormValues {
  readonly name: string;
  readonly note: string;
  /** `on` when it is ticked. */
  readonly low: string;
  readonly medium: string;
  readonly high: string;
  readonly owner: string;
  readonly unconfirmedDays: string;
  /** yyyy-mm-dd */
  readonly due: string;
}

/** A new form: all risks, everybody's agents. */
export const blankCampaign: CampaignFormValues = {
  name: '',
  note: '',
  low: 'on',
  medium: 'on',
  high: 'on',
  owner: '',
  unconfirmedDays: '',
  due: '',
};

/** The values of a posted form, to be read or shown again. */
export function valuesOfCampaign(form: Form): CampaignFormValues {
  const names = Object.keys(blankCampaign) as (keyof CampaignFormValues)[];
  return Object.fromEntries(names.map((name) => [name, fieldOf(form, name)])) as unknown as CampaignFormValues;
}

/** The date of a field `due`. @throws {AppError} `invalid_input` with member `due`. */
export function readDue(text: string): Date {
  const at = endOfDay(text, 'due');
  if (at === undefined) throw new AppError('invalid_input', 'Say until when owners have time.', { member: 'due' });
  return at;
}

/** What a form asks for. @throws {AppError} `invalid_input` with the field at fault. */
export function readCampaignForm(values: CampaignFormValues): NewCampaign {
  const { name, note, owner, unconfirmedDays: days } = values;
  return {
    name,
    note,
    scope: {
      riskLevels: riskLevels.filter((level) => values[level] === 'on'),
      ownerId: owner === '' ? undefined : owner,
      unconfirmedDays: days === '' ? undefined : /^\d{1,5}$/.test(days) ? Number(days) : Number.NaN,
    },
    dueAt: readDue(values.due),
  };
}

const fields: Readonly<Record<string, string>> = { riskLevels: 'low', ownerId: 'owner', dueAt: 'due' };

/** A refusal as a fault of the form it came from. */
export function faultOfCampaign({ message, details: { member } }: AppError): { readonly field?: string; readonly message: string } {
  return member === undefined ? { message } : { field: fields[member] ?? member, message };
}
