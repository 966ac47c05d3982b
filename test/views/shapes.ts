/** The shapes that several templates share, as documented at the top of each partial, with short makers for sample data. */
type Tone = '' | 'yes' | 'wait' | 'stop' | 'info';
interface State {
  readonly word: string;
  readonly tone: Tone;
}
interface Party {
  readonly kind: 'person' | 'agent' | 'service' | 'resource';
  readonly name: string;
  readonly initials: string;
  readonly now?: true;
  readonly href?: string;
}
interface Moment {
  readonly text: string;
  readonly exact: string;
  readonly iso: string;
  readonly keep?: 'ago' | 'left';
}
interface Id {
  readonly short: string;
  readonly full: string;
}
interface Fact {
  readonly label: string;
  readonly value: string;
}
interface Ask {
  readonly label: string;
  readonly value: string;
  readonly long?: true;
  readonly note?: string;
  readonly rows: readonly Fact[];
}
export interface Fault {
  readonly field?: string;
  readonly message: string;
}
export interface Option {
  readonly value: string;
  readonly words: string;
  readonly hint?: string;
  readonly checked?: boolean;
}
export interface Pager {
  readonly words: string;
  readonly previousHref?: string;
  readonly nextHref?: string;
}
interface Refusal {
  readonly rule: string;
  readonly saw: readonly Fact[];
  readonly change: string;
  readonly who: string;
  readonly changeHref?: string;
  readonly decision?: Id;
}
export interface Falls {
  readonly headline: string;
  readonly words: readonly string[];
}
export interface Flash {
  readonly tone: Tone;
  readonly words: string;
}

/** One page of the gallery: a template, what distinguishes this state of it, and its model. */
export interface Sample {
  readonly template: string;
  readonly variant?: string;
  readonly model: Readonly<Record<string, unknown>>;
}

export const base = '/tenant';

export function state(word: string, tone: Tone = ''): State {
  return { word, tone };
}

export function moment(text: string, exact: string, iso: string): Moment {
  return { text, exact, iso };
}

export function fact(label: string, value: string): Fact {
  return { label, value };
}

export function id(prefix: string, tail: string): Id {
  return { short: `${prefix}_0193…${tail}`, full: `${prefix}_0193f5a27c1e7b4a9d03c2${tail}81ee0246` };
}

export const parties = {
  you: { kind: 'person', name: 'You', initials: 'MK' },
  mira: { kind: 'person', name: 'Mira Köhler', initials: 'MK' },
  orchestrator: { kind: 'agent', name: 'Orchestrator', initials: 'O' },
  invoiceBot: { kind: 'agent', name: 'Invoice bot', initials: 'IB', now: true },
  cleanup: { kind: 'agent', name: 'Cleanup agent', initials: 'CA', now: true },
  claude: { kind: 'agent', name: 'Claude Desktop', initials: 'CD', now: true },
  payments: { kind: 'resource', name: 'Payments API', initials: '€' },
  billing: { kind: 'resource', name: 'Billing MCP', initials: 'B' },
  crm: { kind: 'resource', name: 'CRM', initials: 'C' },
} satisfies Record<string, Party>;

export const times = {
  justNow: moment('2 min ago', '21 Nov 2026, 14:58:12 UTC', '2026-11-21T14:58:12Z'),
  hours: moment('3 h ago', '21 Nov 2026, 11:58:12 UTC', '2026-11-21T11:58:12Z'),
  days: moment('9 days ago', '12 Nov 2026, 09:20:41 UTC', '2026-11-12T09:20:41Z'),
  left: { ...moment('4:12 left', '21 Nov 2026, 15:04:24 UTC', '2026-11-21T15:04:24Z'), keep: 'left' },
  later: moment('51 min left', '21 Nov 2026, 15:51:00 UTC', '2026-11-21T15:51:00Z'),
  january: moment('31 Jan 2027', '31 Jan 2027, 00:00:00 UTC', '2027-01-31T00:00:00Z'),
} satisfies Record<string, Moment>;

export const payment: Ask = {
  label: 'Pay up to',
  value: '€1,240.00',
  note: 'once, to ACME Supplies GmbH, IBAN ending 4711',
  rows: [fact('From', 'Operating account ··82'), fact('For invoice', 'PO-4711, due 30 Nov'), fact('Holds until', 'today 15:04, one use')],
};

export const paymentJson = JSON.stringify(
  {
    type: 'payment_initiation',
    locations: ['https://payments.acme.test'],
    amount: { max: '1240.00', currency: 'EUR' },
    creditor: { name: 'ACME Supplies GmbH', iban: 'DE02120300000000204711' },
  },
  null,
  2,
);

export const refusal: Refusal = {
  rule: 'An agent may only use a scope that its owner gave it for this resource server.',
  saw: [
    fact('Agent', 'Invoice bot, active'),
    fact('For', 'Mira Köhler'),
    fact('Wanted', 'contacts:read on CRM'),
    fact('Holds', 'payments:create on Payments API'),
  ],
  change: 'Add “Read contacts” on CRM to what Invoice bot may reach.',
  who: 'Jana Weber, its owner, or an administrator can do that.',
  decision: id('dec', '77b0'),
};

/** Somebody who is signed in, on a person's page. */
export const signedIn = { person: { name: 'Mira Köhler', initials: 'MK' } };
