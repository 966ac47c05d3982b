import { AppError } from '../../platform/errors.ts';
import type { Form } from '../../platform/http/web.ts';

/** One text of a posted form; a list or nothing counts as empty. */
export function textOf(form: Form, name: string): string {
  const value = form[name];
  return typeof value === 'string' ? value.trim() : '';
}

/** All values of a field that repeats. */
export function listOf(form: Form, name: string): readonly string[] {
  const value = form[name];
  if (value === undefined || value === '') return [];
  return typeof value === 'string' ? [value] : value;
}

/** What to mend, for the form; anything but bad input is not the form's business and goes on. */
export function faultsOf(error: unknown, fields: Readonly<Record<string, string>>): { field?: string; message: string }[] {
  if (!(error instanceof AppError) || (error.code !== 'invalid_input' && error.code !== 'conflict')) throw error;
  const [, member = ''] = (error.details.member ?? '').split('/');
  return [{ ...(member === '' ? {} : { field: fields[member] ?? member }), message: error.message }];
}
