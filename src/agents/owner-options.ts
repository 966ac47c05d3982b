import { AppError } from '../platform/errors.ts';
import type { OwnerDirectory } from './owners.ts';

/** Who a form offers as an owner: nobody yet, people who may sign in, groups; and who it is now, although they may be gone. */
export async function ownerOptions(
  owners: Pick<OwnerDirectory, 'list' | 'listGroups'>,
  current: string,
): Promise<readonly { readonly value: string; readonly words: string }[]> {
  const [people, groups] = await Promise.all([owners.list({ limit: 100 }), owners.listGroups()]);
  const options = [...people.items.filter(({ status }) => status === 'active'), ...groups].map(({ id, name }) => ({
    value: id,
    words: name,
  }));
  const isListed = current === '' || options.some(({ value }) => value === current);
  return [{ value: '', words: 'Nobody yet' }, ...options, ...(isListed ? [] : [{ value: current, words: current }])];
}

/**
 * The values of a form with its owner: whoever has the address that was typed, else who was chosen of the list.
 * @throws {AppError} `invalid_input` with member `ownerEmail` when nobody has it.
 */
export async function withOwnerByEmail<Values extends { readonly owner: string; readonly ownerEmail: string }>(
  values: Values,
  owners: Pick<OwnerDirectory, 'findByEmail'>,
): Promise<Values> {
  if (values.ownerEmail === '') return values;
  const person = await owners.findByEmail(values.ownerEmail.slice(0, 320));
  if (person === undefined) throw new AppError('invalid_input', 'Nobody here has this address.', { member: 'ownerEmail' });
  return { ...values, owner: person.id };
}
