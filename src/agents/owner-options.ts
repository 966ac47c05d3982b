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
