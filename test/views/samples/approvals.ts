import { base, fact, id, parties, payment, paymentJson, signedIn, state, times, type Flash, type Sample } from '../shapes.ts';

const approval = {
  action: `${base}/me/approvals/apr_1`,
  shown: 'sha-256:YWJj',
  heading: 'Pay an invoice for you?',
  asks: 'Invoice bot asks through Orchestrator.',
  left: times.left,
  ask: payment,
  unusual: ['8 × the usual amount of this agent, and its first payment to this recipient.'],
  chain: [parties.you, parties.orchestrator, parties.invoiceBot, parties.payments],
  actor: 'Owned by Jana Weber, Finance · 312 approved before, 2 denied',
  bindingMessage: 'PO-4711',
  quote: 'Closing the month: this is the last open item.',
  exact: paymentJson,
  listHref: `${base}/me/approvals`,
};
const waiting = [
  {
    href: `${base}/me/approvals/apr_1`,
    title: 'Pay €1,240.00 to ACME Supplies',
    by: 'Invoice bot, through Orchestrator',
    state: state('Waiting for you', 'wait'),
    when: times.left,
  },
  {
    href: `${base}/me/approvals/apr_2`,
    title: 'Send 14 reminders to customers',
    by: 'Billing helper',
    state: state('Waiting for you', 'wait'),
    when: times.later,
  },
];
const decided = [
  {
    href: `${base}/me/approvals/apr_3`,
    title: 'Delete 312 rows in CRM',
    by: 'Cleanup agent',
    state: state('Denied', 'stop'),
    when: times.hours,
  },
  {
    href: `${base}/me/approvals/apr_4`,
    title: 'Pay €89.00 to Print & Paper',
    by: 'Invoice bot',
    state: state('Approved', 'yes'),
    when: times.days,
  },
];
const less = {
  details: [
    {
      headline: 'Pay ACME Supplies GmbH and Print & Paper through Payments API',
      keep: 'keep#0',
      fields: [
        { label: 'Amount', name: '0/instructed_amount/amount', value: '1240.00', unit: 'EUR', isTime: false },
        { label: 'Carried out: until (UTC)', name: '0/execution/until', value: '2026-12-31T07:00', isTime: true },
        {
          label: 'To',
          items: [
            { name: '0/creditors#0', words: 'ACME Supplies GmbH' },
            { name: '0/creditors#1', words: 'Print & Paper' },
          ],
        },
      ],
    },
  ],
  scopes: [
    { name: 'invoices:read', description: 'Read your invoices' },
    { name: 'invoices:pay', description: 'Pay invoices for you' },
  ],
};
const approvals: readonly Sample[] = [
  {
    template: 'approvals/inbox',
    model: {
      heading: '2 agents wait for you',
      waiting,
      decided,
      pager: { words: '2 of 31 decided', nextHref: '?cursor=a' },
      frame: signedIn,
    },
  },
  { template: 'approvals/inbox', variant: 'empty', model: { heading: 'Nobody waits for you', waiting: [], decided: [], frame: signedIn } },
  { template: 'approvals/approval', model: { ...approval, passkey: { options: '{}' }, less, frame: signedIn } },
  {
    template: 'approvals/approval',
    variant: 'smaller',
    model: {
      ...approval,
      smaller: ['amount: 200.00 instead of 1240.00', 'creditors: ACME Supplies GmbH instead of ACME Supplies GmbH, Print & Paper'],
      granted: '{}',
      passkey: { options: '{}' },
      frame: signedIn,
    },
  },
  {
    template: 'approvals/approval',
    variant: 'sentence',
    model: {
      ...approval,
      heading: 'Delete rows for you?',
      asks: 'Cleanup agent asks.',
      ask: {
        label: 'Call',
        value: 'delete_rows on CRM',
        long: true,
        rows: [fact('table', 'leads_2019'), fact('rows', '312'), fact('Holds until', 'today 15:51, one use')],
      },
      unusual: [],
      bindingMessage: undefined,
      codeNeeded: true,
      faults: [{ field: 'code', message: 'That did not hold, so nothing was approved. Try again.' }],
      frame: signedIn,
    },
  },
  {
    template: 'approvals/decided',
    model: {
      state: state('Approved', 'yes'),
      heading: 'You approved this',
      when: times.justNow,
      words: 'Invoice bot can do it once, until 15:04.',
      ask: payment,
      chain: approval.chain,
      exact: paymentJson,
      listHref: `${base}/me/approvals`,
      receiptHref: `${base}/me/approvals/apr_1/receipt`,
      end: { href: `${base}/me/grants/grt_1/end`, words: 'Take it back…' },
      frame: signedIn,
    },
  },
  {
    template: 'approvals/decided',
    variant: 'by-another',
    model: {
      state: state('Denied', 'stop'),
      heading: 'Jana decided before you',
      when: times.justNow,
      words: 'She denied it. Invoice bot was told and does nothing.',
      ask: payment,
      chain: approval.chain,
      exact: paymentJson,
      listHref: `${base}/me/approvals`,
      frame: signedIn,
    },
  },
];

const ended: Flash = { tone: 'yes', words: 'Done: Travel helper can no longer act for you.' };
const { now: _acting, ...claude } = parties.claude;
const { now: _actingToo, ...bot } = parties.invoiceBot;
const home = {
  heading: '2 agents act for you',
  waiting: 2,
  toConfirm: { count: 3, due: '31 Jan 2027' },
  toHandOn: 1,
  mayUseConsole: true,
  hasCode: true,
  account: { name: 'Mira Köhler', email: 'mira@acme.test', roles: 'approver' },
  grants: [
    {
      id: 'grt_1',
      agent: { ...parties.claude, now: undefined },
      may: 'Read invoices; pay up to €200 each, €1,000 a week',
      resources: 'Billing MCP',
      lastUsed: times.justNow,
      state: state('Active', 'yes'),
    },
    {
      id: 'grt_2',
      agent: { ...parties.invoiceBot, now: undefined },
      may: 'Prepare payments; asks you above €500',
      resources: 'Payments API',
      state: state('Suspended', 'stop'),
    },
  ],
  agents: [
    {
      id: id('agt', '7f3a').full,
      name: 'Travel planner',
      purpose: 'Finds and holds trains and rooms for the team',
      state: state('Active', 'yes'),
      ends: { verb: 'ends', time: { ...times.later, text: 'in 20 minutes', keep: 'in' } },
      card: 'Its agent card changed',
    },
    {
      id: id('agt', '9c1d').full,
      name: 'Invoice bot',
      purpose: 'Pays approved supplier invoices',
      state: state('Under review', 'wait'),
      drift: 'Something else runs than was agreed',
    },
  ],
  sessions: [
    { id: 'ses_1', device: 'Firefox on Linux', place: 'Berlin', lastSeen: times.justNow, current: true },
    { id: 'ses_2', device: 'Safari on iPhone', place: 'Leipzig', lastSeen: times.hours, current: false },
  ],
  passkeys: [{ id: 'cred_1', label: 'MacBook', added: times.days }],
};
const reach = [
  { name: 'Rail booking', words: 'trips:search, trips:hold', state: state('May ask', 'yes') },
  { name: 'Rooms', words: 'any scope that is granted', state: state('May ask', 'yes') },
];
const ownAgent = {
  frame: signedIn,
  agent: {
    name: 'Travel planner',
    state: state('Active', 'yes'),
    purpose: 'Finds and holds trains and rooms for the team',
    answers: 'You answer for it with Data owners',
    ends: { verb: 'ends', time: { ...times.later, text: 'in 20 minutes', keep: 'in' } },
    lastSeen: times.justNow,
  },
  reach,
  falls: { headline: '14 live tokens', words: ['2 agents further down the chain lose what it handed on.', '3 people would notice.'] },
  may: { start: false, stop: true },
  looks: [{ words: 'Something else runs than was agreed', href: `${base}/me/agents/agt_1/drift` }],
  here: `${base}/me/agents/agt_1`,
};
const me: readonly Sample[] = [
  { template: 'me/agent', model: ownAgent },
  {
    template: 'me/agent',
    variant: 'stopped',
    model: {
      ...ownAgent,
      agent: { ...ownAgent.agent, state: state('Under review', 'wait'), ends: undefined },
      stopped: 'Under review 3 h ago: Its owner was shut out, and nobody takes over. It gets no token, and those it had are refused.',
      reach: [],
      falls: { headline: 'Nothing', words: ['It holds no live token.'] },
      may: { start: false, stop: true, waits: 'An administrator who does not answer for it can let it run.' },
    },
  },
  {
    template: 'me/agent',
    variant: 'new',
    model: { ...ownAgent, agent: { ...ownAgent.agent, state: state('Proposed', 'info') }, may: { start: true, stop: false } },
  },
  {
    template: 'me/agent-act',
    model: {
      frame: signedIn,
      heading: 'Stop Travel planner?',
      words: 'It gets no new token, and everything it holds is refused at once.',
      action: `${base}/me/agents/agt_1/stop`,
      backHref: `${base}/me/agents/agt_1`,
      submit: 'Stop it now',
      isStop: true,
      falls: ownAgent.falls,
      values: { reason: '' },
      faults: [{ field: 'reason', message: 'Say why: its owner and the audit read it.' }],
    },
  },
  {
    template: 'me/agent-act',
    variant: 'start',
    model: {
      frame: signedIn,
      heading: 'Let Travel planner run?',
      words: 'It may ask for tokens again. You answer for what it does, and can stop it at any time.',
      action: `${base}/me/agents/agt_1/start`,
      backHref: `${base}/me/agents/agt_1`,
      submit: 'Let it run',
      isStop: false,
      reach,
      values: { reason: '' },
    },
  },
  {
    template: 'me/home',
    model: { ...home, frame: { ...signedIn, flash: ended } },
  },
  {
    template: 'me/home',
    variant: 'many agents',
    model: { ...home, frame: signedIn, agents: Array.from({ length: 9 }, (_, at) => ({ ...home.agents[0], id: `agt_${at}` })) },
  },
  {
    template: 'me/home',
    variant: 'empty',
    model: {
      ...home,
      heading: 'No agent acts for you',
      waiting: 0,
      toConfirm: undefined,
      toHandOn: 0,
      grants: [],
      agents: [],
      passkeys: [],
      hasCode: false,
      mayUseConsole: false,
      frame: signedIn,
    },
  },
  {
    template: 'me/budgets',
    model: {
      heading: '3 budgets',
      budgets: [
        {
          id: 'bdg_1',
          holder: claude,
          used: '340.00 of 1,000.00 EUR used',
          window: 'this week, until Sunday 6 December 24:00 UTC',
          words: 'Send POST requests to Billing',
          percent: 42,
          held: '80.00 EUR set aside',
          lower: { action: `${base}/me/budgets/bdg_1/lower`, label: 'New limit, in EUR', value: '1000.00' },
          end: `${base}/me/budgets/bdg_1/end`,
        },
        {
          id: 'bdg_2',
          holder: bot,
          used: '50 of 50 times used',
          window: 'today, until 24:00 UTC',
          words: 'Send GET and POST requests to an API with a long name in the accounting department of ACME',
          percent: 100,
          state: { word: 'Used up', tone: 'wait' },
          note: 'lowered from 80 times',
          lower: { action: `${base}/me/budgets/bdg_2/lower`, label: 'New limit, how often', value: '50' },
          end: `${base}/me/budgets/bdg_2/end`,
        },
        {
          id: 'bdg_3',
          holder: claude,
          used: '0.00 of 20.00 EUR used',
          window: 'in total',
          words: 'Send POST requests to Billing',
          percent: 0,
          state: { word: 'Ended', tone: 'stop' },
        },
      ],
      frame: signedIn,
    },
  },
  { template: 'me/budgets', variant: 'empty', model: { heading: 'Nothing to use up', budgets: [], frame: signedIn } },
  {
    template: 'me/end-grant',
    model: {
      action: `${base}/me/grants/grt_1/end`,
      heading: 'End what Claude Desktop may do?',
      words: 'It has to ask you again if it wants to come back.',
      chain: [parties.you, parties.claude, parties.billing],
      falls: {
        headline: '3 live tokens end',
        words: ['1 of them was handed on to Invoice bot; it ends too.', '1 question that waits for you is withdrawn.'],
      },
      may: ['Read your invoices', 'Pay up to €200 each, €1,000 a week'],
      frame: signedIn,
    },
  },
  {
    template: 'me/remove',
    model: {
      action: `${base}/me/passkeys/cred_1/remove`,
      heading: 'Remove the passkey “MacBook”?',
      words: 'You can then sign in with your password and your authenticator app only.',
      frame: signedIn,
    },
  },
  {
    template: 'me/password',
    model: {
      action: `${base}/me/password`,
      email: 'mira@acme.test',
      faults: [{ field: 'current', message: 'This is not your password now.' }],
      frame: signedIn,
    },
  },
];

/** What agents ask of a person, and what that person granted. */
export const approvalSamples: readonly Sample[] = [...approvals, ...me];
