import { base, fact, id, moment, parties, payment, paymentJson, refusal, state, times, type Fault, type Sample } from './shapes.ts';

const passkey = {
  action: `${base}/interaction/1/passkey`,
  options: JSON.stringify({ challenge: 'c2FtcGxl', rpId: 'localhost', userVerification: 'required' }),
};
const action = `${base}/interaction/1`;
const signedIn = { person: { name: 'Mira Köhler', initials: 'MK' } };
const faults = (...list: Fault[]): readonly Fault[] => list;
const qr =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h29v29H0z"/><path stroke="#000" d="M4 4.500h7m2 0h1m1 0h1m2 0h7M4 5.500h1m5 0h1m1 0h2m4 0h1m5 0h1M4 6.500h1m1 0h3m1 0h1m2 0h3m2 0h1m1 0h3m1 0h1M4 10.500h7m1 0h1m1 0h1m1 0h1m1 0h7M5 13.500h3m3 0h2m1 0h4m2 0h3M4 18.500h7m3 0h2m4 0h1M4 20.500h1m5 0h1m1 0h3m2 0h2m1 0h4M4 24.500h7m1 0h2m3 0h4m1 0h2"/></svg>';

const setup: readonly Sample[] = [
  {
    template: 'setup/first-administrator',
    model: { action: `${base}/setup`, issuer: 'http://localhost:3000', values: { code: '', email: '', name: '' } },
  },
  {
    template: 'setup/first-administrator',
    variant: 'faults',
    model: {
      action: `${base}/setup`,
      issuer: 'http://localhost:3000',
      values: { code: 'k3Fq9', email: 'jana', name: 'Jana Weber' },
      faults: faults(
        { field: 'code', message: 'This code is not the one the server printed last.' },
        { field: 'email', message: 'An email address has an @ and a domain.' },
      ),
    },
  },
  { template: 'setup/already-done', model: {} },
];

const login: readonly Sample[] = [
  { template: 'sign-in/login', model: { action, destination: 'Claude Desktop', email: '', passkey } },
  {
    template: 'sign-in/login',
    variant: 'wrong',
    model: { action, email: 'mira@acme.test', faults: faults({ message: 'Email and password do not belong together.' }) },
  },
  {
    template: 'sign-in/login',
    variant: 'slow-down',
    model: {
      action,
      destination: 'the console',
      slowDown: { words: '30 seconds', until: moment('in 30 s', '21 Nov 2026, 15:00:30 UTC', '2026-11-21T15:00:30Z') },
    },
  },
  { template: 'sign-in/second-factor', model: { action, email: 'mira@acme.test', hasCode: true, passkey } },
  {
    template: 'sign-in/second-factor',
    variant: 'code',
    model: {
      action,
      email: 'mira@acme.test',
      hasCode: true,
      faults: faults({ field: 'code', message: 'This code is not right, or it is too old. Type the one shown now.' }),
    },
  },
  {
    template: 'sign-in/enrol',
    model: {
      reason: 'Administrators sign in with more than a password.',
      codeHref: `${base}/me/code/new`,
      laterHref: `${base}/me`,
      passkey: { ...passkey, options: '{}' },
    },
  },
  {
    template: 'sign-in/enrol-code',
    model: { action, qr, secret: 'JBSW Y3DP EHPK 3PXP', account: 'Behalf: mira@acme.test', passkeyHref: `${base}/me/passkeys/new` },
  },
  {
    template: 'sign-in/choose-password',
    model: {
      action,
      heading: 'Welcome, Jonas',
      words: 'Jana Weber invited you to decide what agents may do for you.',
      email: 'jonas@acme.test',
      asksName: true,
      values: { name: 'Jonas Brandt' },
    },
  },
];

const software = {
  state: state('Verified software', 'yes'),
  owner: 'Anthropic answers for it',
  says: 'Answers go to',
  host: 'claude.ai',
  loopbackOnly: false,
  firstTime: true,
};
const consent = {
  action,
  heading: 'Let Claude Desktop act for you?',
  person: { email: 'mira@acme.test', notYouHref: `${base}/sign-out` },
  chain: [parties.you, parties.claude, parties.billing],
  software,
  groups: [
    {
      name: 'Billing MCP',
      uri: 'https://billing.acme.test/mcp',
      scopes: [
        { value: 'invoices:read', words: 'Read your invoices', hint: 'list, search, open; nothing is changed', checked: true },
        { value: 'invoices:comment', words: 'Write comments on invoices', checked: true },
      ],
    },
    {
      name: 'About you',
      uri: 'Behalf',
      scopes: [{ value: 'email', words: 'Know your email address', hint: 'mira@acme.test', checked: true }],
    },
  ],
  details: [
    {
      index: 0,
      amount: '€200 each',
      words: 'Pay invoices up to €200 each, €1,000 a week',
      hint: 'above that you are asked every time',
      checked: true,
      exact: paymentJson,
    },
  ],
  holds: 'Ends in 30 days.',
  onward: 'It can hand on less than this to other agents, never more.',
};
const interactions: readonly Sample[] = [
  { template: 'sign-in/consent', model: { ...consent, frame: signedIn } },
  {
    template: 'sign-in/consent',
    variant: 'unverified',
    model: {
      ...consent,
      frame: signedIn,
      details: [],
      software: {
        state: state('Not verified', 'wait'),
        owner: 'Nobody here answers for it',
        says: 'Answers stay on this computer',
        host: '127.0.0.1',
        loopbackOnly: true,
        firstTime: true,
      },
    },
  },
  {
    template: 'sign-in/logout',
    model: { action: `${base}/session/end/confirm`, xsrf: 'engine', email: 'mira@acme.test', client: 'Claude Desktop' },
  },
  {
    template: 'sign-in/device-code',
    model: {
      action: `${base}/device`,
      xsrf: 'engine',
      code: '',
      faults: faults({ field: 'user_code', message: 'No device waits with this code. Look again; it may have run out.' }),
    },
  },
  {
    template: 'sign-in/device-confirm',
    model: {
      action: `${base}/device`,
      xsrf: 'engine',
      code: 'WDJB-MJHT',
      client: 'Terminal agent',
      device: [fact('Asked from', '203.0.113.7, Berlin'), fact('Software', 'terminal-agent 1.8')],
    },
  },
  {
    template: 'sign-in/message',
    variant: 'device-done',
    model: {
      message: {
        tone: 'yes',
        state: 'Connected',
        heading: 'Your device is connected',
        words: 'You can close this page and go on there.',
        next: { href: `${base}/me`, words: 'See your agents' },
      },
    },
  },
  {
    template: 'sign-in/message',
    variant: 'signed-out',
    model: {
      message: {
        tone: '',
        heading: 'You are signed out',
        words: 'On this browser. Your agents keep what you allowed them.',
        next: { href: `${base}/me`, words: 'Sign in again' },
      },
    },
  },
  {
    template: 'sign-in/message',
    variant: 'expired',
    model: {
      message: {
        tone: 'wait',
        state: 'Too late',
        heading: 'This page waited too long',
        words: 'For your safety a sign-in ends after an hour. Go back to the application and start again.',
      },
    },
  },
  {
    template: 'sign-in/message',
    variant: 'link-used',
    model: {
      message: {
        tone: 'wait',
        state: 'Used',
        heading: 'This link works once',
        words: 'It was used, or it ran out. Ask the administrator who gave it to you for a new one.',
        next: { href: `${base}/me`, words: 'Sign in' },
      },
    },
  },
  {
    template: 'sign-in/message',
    variant: 'error',
    model: {
      message: {
        tone: 'stop',
        state: 'Not done',
        heading: 'The application asked for something unknown',
        words: 'Nothing was shared. Whoever runs the application has to mend its request.',
        facts: [fact('Code', 'invalid_target'), fact('Request', 'req_0193f5a27c1e')],
      },
    },
  },
  {
    template: 'sign-in/refused',
    model: { heading: 'Invoice bot may not read contacts', refusal, next: { href: `${base}/me`, words: 'Your agents' } },
  },
];

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
  { template: 'approvals/approval', model: { ...approval, passkey: { options: '{}' }, frame: signedIn } },
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

const home = {
  heading: '2 agents act for you',
  waiting: 2,
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
    },
  ],
  sessions: [
    { id: 'ses_1', device: 'Firefox on Linux', place: 'Berlin', lastSeen: times.justNow, current: true },
    { id: 'ses_2', device: 'Safari on iPhone', place: 'Leipzig', lastSeen: times.hours, current: false },
  ],
  passkeys: [{ id: 'cred_1', label: 'MacBook', added: times.days }],
};
const me: readonly Sample[] = [
  {
    template: 'me/home',
    model: { ...home, frame: { ...signedIn, flash: { tone: 'yes', words: 'Done: Travel helper can no longer act for you.' } } },
  },
  {
    template: 'me/home',
    variant: 'empty',
    model: {
      ...home,
      heading: 'No agent acts for you',
      waiting: 0,
      grants: [],
      agents: [],
      passkeys: [],
      hasCode: false,
      mayUseConsole: false,
      frame: signedIn,
    },
  },
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
      faults: faults({ field: 'current', message: 'This is not your password now.' }),
      frame: signedIn,
    },
  },
];

/** Every page that people meet outside the console. */
export const personSamples: readonly Sample[] = [...setup, ...login, ...interactions, ...approvals, ...me];
