import { fact, id, parties, paymentJson, refusal, state, times, type Option, type Sample } from '../shapes.ts';
import { agent, at, chain, frame, pager } from './console.ts';

const audit: readonly Sample[] = [
  {
    template: 'console/audit',
    model: {
      frame,
      heading: '48,210 things happened today',
      seal: { state: state('Unbroken', 'yes'), words: 'checked 14 s ago up to checkpoint 8,412' },
      kinds: [
        { value: '', words: 'Everything' },
        { value: 'refused', words: 'Refusals' },
        { value: 'decided', words: 'Decisions' },
      ],
      values: { q: '', kind: '', agent: agent.full, from: '2026-11-21', to: '' },
      agentName: 'Invoice bot',
      pager,
      exportHref: '?format=jsonl',
      events: [
        {
          id: 'evt_1',
          when: times.justNow,
          state: state('Allowed', 'yes'),
          words: 'Token to pay €1,240.00 to ACME Supplies',
          chain: 'Mira Köhler → Orchestrator → Invoice bot → Payments API',
        },
        { id: 'evt_2', when: times.justNow, state: state('Asked', 'wait'), words: 'Approval asked of Mira Köhler', chain: 'Invoice bot' },
        {
          id: 'evt_3',
          when: times.hours,
          state: state('Refused', 'stop'),
          words: 'Read contacts',
          chain: 'Mira Köhler → Invoice bot → CRM',
        },
      ],
    },
  },
  {
    template: 'console/audit',
    variant: 'empty',
    model: {
      frame,
      heading: 'Nothing found',
      seal: { state: state('Unbroken', 'yes'), words: 'checked 14 s ago' },
      kinds: [{ value: '', words: 'Everything' }],
      values: { q: 'zebra', kind: '', agent: '', from: '', to: '' },
      events: [],
    },
  },
  {
    template: 'console/audit-event',
    model: {
      frame,
      chain,
      event: {
        id: id('evt', '4c4c'),
        words: 'Mira Köhler approved a payment',
        type: 'approval.decided',
        state: state('Approved', 'yes'),
        when: times.justNow,
        facts: [
          fact('Approved with', 'passkey “MacBook”'),
          fact('What', '€1,240.00 to ACME Supplies GmbH, once'),
          fact('Address', '203.0.113.7'),
        ],
        exact: paymentJson,
        digest: { short: 'sha-256:9f86…0a08', full: 'sha-256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' },
        previous: { short: 'sha-256:60303…8752', full: 'sha-256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752' },
        place: '48,210',
      },
      related: [
        { href: at('/audit/evt_2'), words: 'Invoice bot asked', when: times.justNow },
        { href: at('/audit/evt_3'), words: 'Token issued, used once', when: times.justNow },
      ],
    },
  },
  {
    template: 'console/decision',
    model: {
      frame,
      heading: 'Invoice bot may not read contacts',
      state: state('Refused', 'stop'),
      when: times.hours,
      chain: [parties.mira, parties.invoiceBot, parties.crm],
      refusal: { ...refusal, changeHref: at(`/agents/${agent.full}`) },
      exact: JSON.stringify(
        {
          subject: { type: 'user', id: 'usr_1' },
          action: { name: 'contacts:read' },
          resource: { type: 'resource_server', id: 'https://crm.acme.test' },
        },
        null,
        2,
      ),
      policy: '@id("only-invoices")\nforbid (principal is Agent, action, resource)\nunless { context.scopes.contains("invoices:read") };',
      policyId: 'only-invoices',
      policyVersion: 12,
      policyHref: at('/policies/rules/only-invoices'),
      versionHref: at('/policies/versions/12'),
      others: [
        'Ask without the scope contacts:read.',
        'An administrator can change the policy only-invoices: no other one stands in the way.',
      ],
    },
  },
];

const roles: readonly Option[] = [
  { value: 'admin', words: 'Administrator', hint: 'changes everything here' },
  { value: 'approver', words: 'Approver', hint: 'decides for others', checked: true },
  { value: 'auditor', words: 'Auditor', hint: 'reads everything, changes nothing' },
];
const usr = id('usr', 'a1b2');
const people: readonly Sample[] = [
  {
    template: 'console/people',
    model: {
      frame,
      heading: '41 people own agents or decide',
      words: '1 of them signs in with a password alone.',
      q: '',
      pager,
      people: [
        {
          id: usr.full,
          name: 'Jana Weber',
          initials: 'JW',
          email: 'jana@acme.test',
          roles: 'administrator',
          second: state('Passkey', 'yes'),
          agents: 12,
          lastSeen: times.justNow,
          state: state('Active', 'yes'),
        },
        {
          id: usr.full,
          name: 'Mira Köhler',
          initials: 'MK',
          email: 'mira@acme.test',
          roles: 'approver',
          second: state('Password only', 'wait'),
          agents: 1,
          lastSeen: times.hours,
          state: state('Active', 'yes'),
        },
        {
          id: usr.full,
          name: 'Jonas Brandt',
          initials: 'JB',
          email: 'jonas.brandt-von-der-heide@subsidiary.acme.test',
          roles: 'user',
          second: state('None yet'),
          agents: 0,
          state: state('Invited', 'info'),
        },
      ],
    },
  },
  {
    template: 'console/person-form',
    model: {
      frame,
      heading: 'Invite somebody',
      words: 'You get a link to hand over; it works once, for three days.',
      action: at('/people/invite'),
      backHref: at('/people'),
      submit: 'Make the link',
      isNew: true,
      roles,
      values: { name: '', email: '' },
    },
  },
  {
    template: 'console/person',
    model: {
      frame,
      person: {
        id: usr,
        name: 'Mira Köhler',
        email: 'mira@acme.test',
        state: state('Active', 'yes'),
        facts: [fact('Roles', 'approver'), fact('Signs in with', 'passkey, authenticator app'), { label: 'Here since', time: times.days }],
      },
      agents: [
        {
          href: at(`/agents/${agent.full}`),
          name: 'Travel planner',
          purpose: 'Finds and holds trains and rooms',
          state: state('Active', 'yes'),
        },
      ],
      grants: [{ agent: { ...parties.claude, now: undefined }, may: 'Read invoices; pay up to €200 each', lastUsed: times.justNow }],
      sessions: '2 sessions',
      groups: [
        { name: 'Finance operations', href: at('/groups/grp_1') },
        { name: 'Night shift', href: at('/groups/grp_2') },
      ],
      leaving: 'Jonas Brandt takes over their agents.',
      may: { roles: true, reset: true, suspend: true, resume: false, remove: true, successor: true },
    },
  },
  {
    template: 'console/successor-form',
    model: {
      frame,
      heading: 'Who takes over from Mira Köhler?',
      action: at('/people/usr_1/successor'),
      backHref: at('/people/usr_1'),
      values: { successor: 'jonas@acme' },
      faults: [{ field: 'successor', message: 'Nobody here has this address.' }],
    },
  },
  {
    template: 'console/confirm',
    variant: 'remove-person',
    model: {
      frame,
      current: 'people',
      heading: 'Remove Mira Köhler?',
      words: 'Name, address and ways to sign in are forgotten. What they did stays in the audit, by “Former person”.',
      action: at('/people/usr_1/remove'),
      backHref: at('/people/usr_1'),
      submit: 'Remove them',
      falls: {
        headline: '12 agents for Jonas Brandt',
        words: [
          'They go on as they are; Jonas Brandt answers for them.',
          'Agents without anybody who takes over are stopped and wait for somebody to look at them. So are those of groups in which nobody else is left.',
        ],
      },
      successor: { hint: 'The address of somebody here. Empty: Jonas Brandt, as was said before.' },
      name: 'Mira Köhler',
      reasons: true,
      values: { reason: '', successor: '' },
    },
  },
];

const tokens: readonly Sample[] = [
  {
    template: 'console/tokens',
    model: {
      frame,
      heading: '214 tokens are alive',
      words: 'None lives longer than 15 minutes.',
      filteredBy: 'of Invoice bot',
      pager,
      tokens: [
        { id: id('tok', '55c1'), chain, may: 'Pay €1,240.00 to ACME Supplies, once', ends: times.left, children: 0, mayEnd: true },
        {
          id: id('tok', '55c0'),
          chain: [parties.mira, { ...parties.orchestrator, now: true }],
          may: 'Read invoices, prepare payments',
          ends: times.later,
          children: 3,
          mayEnd: true,
        },
      ],
    },
  },
  {
    template: 'console/tokens',
    variant: 'empty',
    model: { frame, heading: 'No token is alive', words: 'Right now nothing can act.', tokens: [] },
  },
];

const settings: readonly Sample[] = [
  {
    template: 'console/settings',
    model: {
      frame,
      issuer: 'http://localhost:3000',
      mayRotate: true,
      warnings: ['The bootstrap client’s secret is 97 days old. Change BEHALF_BOOTSTRAP_CLIENT_SECRET.'],
      server: [fact('Version', '0.1.0'), fact('Database', 'embedded PostgreSQL 18.4'), fact('Audit', 'sealed up to 1 s ago')],
      keys: [
        { id: id('key', '0001'), algorithm: 'ES256', state: state('Signs now', 'yes'), since: times.days, ends: times.january },
        { id: id('key', '0002'), algorithm: 'ES256', state: state('Next', 'info'), since: times.hours },
      ],
      paste: 'claude mcp add billing https://billing.acme.test/mcp',
    },
  },
];

const doctor: readonly Sample[] = [
  { template: 'console/doctor', model: { frame, values: { subject: '' }, faults: [] } },
  {
    template: 'console/doctor',
    variant: 'something is broken',
    model: {
      frame,
      values: { subject: 'https://billing.acme.test/mcp' },
      faults: [],
      result: {
        words: 'One thing does not work',
        subject: 'https://billing.acme.test/a/rather/long/path/to/one/of/several/servers/mcp',
        kind: 'Taken for an MCP server or another API.',
        steps: [
          { check: 'Challenge', state: state('Fine', 'yes'), words: 'It answers 401 and says where its resource metadata is.' },
          {
            check: 'Resource metadata',
            state: state('Broken', 'stop'),
            words: 'It names another resource than the address clients call: they differ by a slash at the end.',
            next: 'Write "resource": "https://billing.acme.test/mcp", or give clients the address it names.',
          },
          {
            check: 'Registration',
            state: state('Look at it', 'wait'),
            words: 'Software gets in by registering itself.',
            next: 'Make a client.',
          },
          {
            check: 'Token',
            state: state('Look at it', 'wait'),
            words: 'A request was refused 3 min ago.',
            decisionId: id('dec', '77b0').full,
          },
          { check: 'Call', state: state('Not tried'), words: 'A good token was not tried: the doctor has none and makes none.' },
        ],
      },
    },
  },
  {
    template: 'console/doctor',
    variant: 'refused',
    model: { frame, values: { subject: 'two words' }, faults: [{ field: 'subject', message: 'That is no address or client_id.' }] },
  },
];

/** What happened, who is here, how the server is set, and what does not connect to it. */
export const oversightSamples: readonly Sample[] = [...audit, ...people, ...tokens, ...settings, ...doctor];
