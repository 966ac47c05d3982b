import { type Adjustable, adjustableIn, type DetailTypes } from '../../authorization-details/index.ts';
import type { Approval } from '../approval.ts';
import type { Described } from '../shown.ts';
import { type Difference, differenceOf, fieldNames } from './less.ts';

/** Where less is chosen (views/approvals/less.eta); undefined when nothing of the question can be smaller. */
export function presentLess({ approval, shown }: Described, types: DetailTypes) {
  const mayGo = approval.details.length > 1;
  const details = approval.details.map((detail, index) => {
    const type = types.find(detail.type);
    const fields = type === undefined ? [] : adjustableIn(type, detail).map((one) => fieldOf(one, index));
    return { headline: shown.details[index]?.headline ?? detail.type, fields, ...(mayGo ? { keep: fieldNames.detail(index) } : {}) };
  });
  const scopes = shown.scopes.length < 2 ? [] : shown.scopes;
  const isFixed = !mayGo && details.every(({ fields }) => fields.length === 0) && scopes.length === 0;
  return isFixed ? undefined : { details: details.filter(({ fields }) => mayGo || fields.length > 0), scopes };
}

function fieldOf({ path, label, kind, values, unit }: Adjustable, index: number) {
  if (kind === 'items') return { label, items: values.map((words, at) => ({ name: fieldNames.item(index, path, at), words })) };
  const name = fieldNames.member(index, path);
  return { label, name, value: values[0] ?? '', isTime: kind === 'time', ...(unit === undefined ? {} : { unit }) };
}

/** What a page of a decision says besides, where less was approved. */
export function presentDecidedLess({ approval }: Described, types: DetailTypes) {
  return approval.asked === undefined ? {} : { smaller: lessLines(approval.asked, approval, types) };
}

/** What the page of a smaller question says and sends back besides. */
export function presentSmaller(asked: Approval, granted: Approval, types: DetailTypes) {
  const body = { scope: granted.scope, ...(granted.details.length === 0 ? {} : { authorization_details: granted.details }) };
  return { smaller: lessLines(asked, granted, types), granted: JSON.stringify(body) };
}

const wordsOf = (value: Difference['asked']): string => {
  if (value === null) return 'nothing';
  if (typeof value === 'string') return value;
  return Array.isArray(value)
    ? value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))).join(', ')
    : JSON.stringify(value);
};

/** What is less, a line each: `amount: 200.00 instead of 1240.00`. */
export function lessLines(asked: Pick<Approval, 'details' | 'scope'>, granted: Approval, types: DetailTypes): readonly string[] {
  return differenceOf(asked, granted, types).map(({ path, asked: before, granted: after }) => {
    if (after === null && typeof before === 'object')
      return `Nothing of: ${types.find(String((before as { type?: unknown }).type))?.definition.title ?? 'one detail'}`;
    return `${path.split('/').at(-1)?.replaceAll('_', ' ')}: ${wordsOf(after)} instead of ${wordsOf(before)}`;
  });
}
