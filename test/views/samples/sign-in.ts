import QRCode from 'qrcode';
import { base, fact, moment, parties, paymentJson, refusal, signedIn, state, type Fault, type Sample } from '../shapes.ts';

const passkey = {
  action: `${base}/interaction/1/passkey`,
  options: JSON.stringify({ challenge: 'c2FtcGxl', rpId: 'localhost', userVerification: 'required' }),
};
const action = `${base}/interaction/1`;
const abort = { action: `${base}/interaction/1/abort`, words: 'Go back without signing in' };
const faults = (...list: Fault[]): readonly Fault[] => list;
const qr = await QRCode.toString('otpauth://totp/Behalf:mira@acme.test?secret=JBSWY3DPEHPK3PXP&issuer=Behalf', { type: 'svg', margin: 0 });

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
  { template: 'sign-in/login', model: { action, destination: 'Claude Desktop', email: '', passkey, abort } },
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
      slowDown: { href: action, words: '30 seconds', until: moment('in 30 s', '21 Nov 2026, 15:00:30 UTC', '2026-11-21T15:00:30Z') },
    },
  },
  { template: 'sign-in/second-factor', model: { action, email: 'mira@acme.test', hasCode: true, passkey, abort } },
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
    template: 'sign-in/consent',
    variant: 'metadata document',
    model: {
      ...consent,
      frame: signedIn,
      details: [],
      software: {
        ...software,
        state: state('Not verified', 'wait'),
        owner: 'Nobody here answers for it',
        host: 'elsewhere.example',
        document: { host: 'claude.ai', elsewhere: 'elsewhere.example' },
      },
    },
  },
  {
    template: 'sign-in/consent',
    variant: 'more than before',
    model: {
      ...consent,
      frame: signedIn,
      heading: 'Let Claude Desktop do more for you?',
      software: { ...software, firstTime: false },
      details: [],
      groups: [
        {
          name: 'Billing MCP',
          uri: 'https://billing.acme.test/mcp',
          scopes: [
            {
              value: 'invoices:pay',
              words: 'Pay invoices for you',
              hint: 'delicate: allow it only if you need it now',
              state: state('New', 'info'),
              checked: true,
            },
            { value: 'invoices:read', words: 'Read your invoices', hint: 'You allowed this before', checked: true },
          ],
        },
      ],
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

const waiting = { action: `${base}/interaction/1/consent`, person: { email: 'mira@acme.test' }, frame: signedIn };
const waits: readonly Sample[] = [
  {
    template: 'sign-in/waits',
    model: {
      ...waiting,
      heading: 'Claude Desktop cannot act for you yet',
      state: state('Not let in yet', 'wait'),
      words: 'Nobody here knows this software yet. An administrator has to let it in before it may act for anybody.',
      ask: 'Ask an administrator',
    },
  },
  {
    template: 'sign-in/waits',
    variant: 'refused',
    model: {
      ...waiting,
      heading: 'Claude Desktop may not act for you',
      state: state('Stopped', 'stop'),
      words: 'An administrator decided that this software does not act for people here. Ask them if you think that is a mistake.',
    },
  },
  {
    template: 'sign-in/consent',
    variant: 'beyond-a-person',
    model: {
      ...consent,
      frame: signedIn,
      details: [],
      groups: [
        {
          name: 'Billing MCP',
          uri: 'https://billing.acme.test/mcp',
          scopes: [
            {
              value: 'invoices:pay',
              words: 'Pay invoices',
              hint: 'an administrator has to adopt this software before it may do this',
              checked: false,
              locked: true,
            },
            { value: 'invoices:read', words: 'Read your invoices', checked: true },
          ],
        },
      ],
    },
  },
];

/** Setting up, signing in, consenting and leaving. */
export const signInSamples: readonly Sample[] = [...setup, ...login, ...interactions, ...waits];
