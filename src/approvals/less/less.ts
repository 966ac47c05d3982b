import canonicalize from 'canonicalize';
import {
  type Adjustable,
  adjustableIn,
  type AuthorizationDetail,
  coversAll,
  covers,
  type DetailTypes,
  detailsHash,
  type JsonValue,
  makeSmaller,
} from '../../authorization-details/index.ts';
import { AppError } from '../../platform/errors.ts';
import type { Form } from '../../platform/http/web.ts';
import type { Approval } from '../approval.ts';
import { scopesOf } from '../shown.ts';

/** What somebody approves of a question: its details and scopes, or less of them. */
export interface Less {
  readonly details: readonly AuthorizationDetail[];
  /** Space-separated, as in the question. */
  readonly scope: string;
}

/** One thing that was asked and is not granted so; `granted` is null when nothing of it is. */
export interface Difference {
  /** JSON Pointer into what was asked: `/authorization_details/0/max_amount/amount`, `/scope`. */
  readonly path: string;
  readonly asked: JsonValue;
  readonly granted: JsonValue;
}

type Asked = Pick<Approval, 'details' | 'scope'>;

function refused(path: string, message: string): AppError {
  return new AppError('invalid_input', `${path} ${message}.`, { member: path });
}

/**
 * The question with less in it, as it is described, hashed and decided. Never more than was asked: each detail lies inside one that
 * was, scopes are among those that were, and where details were asked for at least one stays, because a token without any says less
 * about what it may not do. @throws {AppError} `invalid_input` with the path at fault.
 */
export function lessOf(approval: Approval, less: Less, types: DetailTypes): Approval {
  const stranger = scopesOf(less.scope).find((scope) => !scopesOf(approval.scope).includes(scope));
  if (stranger !== undefined) throw refused('/scope', 'names what was not asked for');
  if (approval.details.length > 0 && less.details.length === 0)
    throw refused('/authorization_details', 'is empty: deny, if nothing of it may be');
  if (less.details.length === 0 && less.scope === '' && approval.scope !== '')
    throw refused('/scope', 'is empty: deny, if nothing of it may be');
  if (less.details.length === 0) return { ...approval, scope: less.scope };
  // beside a scope, details of a type say what it may be used for: without any of them it would allow more
  const gone = approval.details.findIndex(({ type }) => !less.details.some((detail) => detail.type === type));
  if (gone !== -1) throw refused(`/authorization_details/${gone}`, 'is the last of its type: keep it with less in it, or deny');
  const derived = coversAll(types, approval.details, less.details);
  if (!derived.covered) throw refused(`/authorization_details${derived.path}`, derived.reason);
  return { ...approval, scope: less.scope, details: derived.details, detailsHash: detailsHash(derived.details) };
}

/** Whether it is less at all. */
export function isLess(asked: Asked, granted: Asked): boolean {
  return asked.scope !== granted.scope || canonicalize(asked.details) !== canonicalize(granted.details);
}

/** Fields of a page that chooses less: `0/max_amount/amount` for a bound, `0/tools#2` for the third item of a list, `keep#0` for a detail. */
export const fieldNames = {
  member: (index: number, path: string) => `${index}${path}`,
  item: (index: number, path: string, at: number) => `${index}${path}#${at}`,
  detail: (index: number) => `keep#${index}`,
} as const;

/** What a posted page chose: which details and scopes are kept, and how much of each. What it does not name is not kept, or stays as it is. */
export function readChoices(approval: Approval, form: Form, types: DetailTypes): Less {
  const details = approval.details.flatMap((detail, index) => {
    if (approval.details.length > 1 && form[fieldNames.detail(index)] === undefined) return [];
    const type = types.find(detail.type);
    const adjustable = type === undefined ? [] : adjustableIn(type, detail);
    const choices = new Map(adjustable.flatMap((each) => chosenIn(form, each, index)));
    const smaller = makeSmaller(types, detail, choices);
    if (!smaller.ok) throw refused(`/authorization_details/${index}${smaller.path}`, smaller.message);
    return [smaller.detail];
  });
  const scopes = scopesOf(approval.scope);
  const ticked = [form['scope'] ?? []].flat();
  return { details, scope: scopes.length > 1 ? scopes.filter((name) => ticked.includes(name)).join(' ') : approval.scope };
}

function chosenIn(form: Form, { path, kind, values }: Adjustable, index: number): [string, readonly string[]][] {
  if (kind === 'items') return [[path, values.filter((_value, at) => form[fieldNames.item(index, path, at)] !== undefined)]];
  const value = form[fieldNames.member(index, path)];
  return typeof value === 'string' ? [[path, [value]]] : [];
}

/** What was asked and is not granted so, for programs: members that differ, details and scopes that were left out. Pure. */
export function differenceOf(asked: Asked, granted: Asked, types: DetailTypes): readonly Difference[] {
  const left = [...granted.details];
  const details = asked.details.flatMap((detail, index) => {
    const path = `/authorization_details/${index}`;
    const type = types.find(detail.type);
    const at = left.findIndex((one) => type !== undefined && covers(detail, one, type).covered);
    const [found] = at === -1 ? [] : left.splice(at, 1);
    return found === undefined ? [{ path, asked: detail, granted: null }] : differing(path, detail, found);
  });
  const scope = asked.scope === granted.scope ? [] : [{ path: '/scope', asked: asked.scope, granted: granted.scope }];
  return [...details, ...scope];
}

function differing(path: string, asked: JsonValue, granted: JsonValue): Difference[] {
  if (canonicalize(asked) === canonicalize(granted)) return [];
  const [before, after] = [membersOf(asked), membersOf(granted)];
  if (before === undefined || after === undefined) return [{ path, asked, granted }];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names.flatMap((name) => differing(`${path}/${name}`, before.get(name) ?? null, after.get(name) ?? null));
}

function membersOf(value: JsonValue): ReadonlyMap<string, JsonValue> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined;
}
