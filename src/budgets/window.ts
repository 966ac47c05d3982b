import type { BudgetWindow } from '../authorization-details/index.ts';

/** A stretch of time over which a budget is counted: from `start` on, before `end`; without `end` it never turns. */
export interface Window {
  readonly start: Date;
  readonly end: Date | undefined;
}

const DAYS_OF_WEEK = 7;
const MONDAY = 1;

/** Midnight UTC, `days` after the day of `at`. Days beyond a month run on into the next one. */
function midnight(at: Date, days = 0): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + days));
}

function weekOf(at: Date): Window {
  const sinceMonday = (at.getUTCDay() - MONDAY + DAYS_OF_WEEK) % DAYS_OF_WEEK;
  return { start: midnight(at, -sinceMonday), end: midnight(at, DAYS_OF_WEEK - sinceMonday) };
}

/** The window that `at` lies in: the calendar day, week from Monday (ISO 8601) or month, in UTC. `total` began with time itself. */
export function windowOf(per: BudgetWindow, at: Date): Window {
  switch (per) {
    case 'day':
      return { start: midnight(at), end: midnight(at, 1) };
    case 'week':
      return weekOf(at);
    case 'month': {
      const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
      return { start: new Date(Date.UTC(year, month, 1)), end: new Date(Date.UTC(year, month + 1, 1)) };
    }
    case 'total':
      return { start: new Date(0), end: undefined };
  }
}

const lastDay = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' });
const THIS = { day: 'today', week: 'this week', month: 'this month', total: 'in total' } as const;

/** `this week, until Sunday 6 December 24:00 UTC`; `in total` for what never turns. */
export function windowWords(per: BudgetWindow, at: Date): string {
  const { end } = windowOf(per, at);
  if (end === undefined) return THIS[per];
  const day = per === 'day' ? '' : `${lastDay.format(midnight(end, -1)).replace(',', '')} `;
  return `${THIS[per]}, until ${day}24:00 UTC`;
}
