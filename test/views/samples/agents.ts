import { fact, id, parties, state, times, type Sample } from '../shapes.ts';
import { family } from './family.ts';
import { agent, at, chain, falls, frame, list, owners, pager } from './console.ts';

const agentRow = (name: string, purpose: string, owner: string, row: Record<string, unknown>): Record<string, unknown> => ({
  id: agent.full,
  name,
  initials: name.slice(0, 1),
  purpose,
  owner,
  lastSeen: times.justNow,
  risk: state('Low risk'),
  ...row,
});
const tabs = [
  { href: '?', words: 'All', count: 144, current: false },
  { href: '?status=active', words: 'Active', count: 128, current: true },
  { href: '?status=proposed', words: 'Proposed', count: 3, current: false },
  { href: '?status=underReview', words: 'Under review', count: 2, current: false },
  { href: '?status=suspended', words: 'Suspended', count: 11, current: false },
];
export const agentPage = {
  family,
  frame,
  agent: {
    id: agent,
    name: 'Invoice bot',
    state: state('Active', 'yes'),
    risk: state('Medium risk', 'wait'),
    purpose: 'Pays approved supplier invoices',
    ends: { verb: 'ends', time: times.january },
    facts: [
      fact('Environment', 'production'),
      fact('Works', 'alone, in the background'),
      fact('Model', 'Claude Sonnet 4.5'),
      fact('May hand on', 'to 1 more agent'),
    ],
  },
  owner: { name: 'Jana Weber', href: at('/people/usr_1') },
  may: { edit: true, suspend: true, retire: true, resume: false, activate: false },
  delegation: {
    when: times.justNow,
    token: id('tok', '55c1'),
    hops: [
      { party: parties.mira },
      { party: parties.orchestrator, limit: '≤ €5,000', time: '30 days' },
      { party: parties.invoiceBot, limit: '≤ €2,000', time: '1 h' },
      { party: parties.payments, limit: '≤ €1,240', time: '5 min, approved' },
    ],
  },
  reach: [
    { name: 'Payments API', words: 'pay up to €2,000 each, €10,000 a week', state: state('Asks above €500', 'wait') },
    { name: 'Billing MCP', words: 'list_invoices, get_invoice', state: state('Free', 'yes') },
  ],
  budgets: [
    {
      used: '1,000.00 of 1,000.00 EUR used',
      window: 'this week, until Sunday 6 December 24:00 UTC',
      words: 'Send POST requests to Payments API',
      percent: 100,
      state: state('Used up', 'wait'),
    },
    {
      used: '12 of 50 times used',
      window: 'today, until 24:00 UTC',
      words: 'Send GET requests to Billing MCP',
      percent: 24,
      held: '3 times set aside',
    },
  ],
  credentials: [
    { name: 'invoice-bot in CI', detail: 'private key, ES256, 12 days old', lastUsed: times.justNow, href: at('/clients/cli_1') },
    { name: 'invoice-bot (old)', detail: 'secret, 9 months old' },
  ],
  falls,
  says: 'I pay invoices that finance has released.',
  did: [
    {
      when: times.justNow,
      state: state('Allowed', 'yes'),
      words: 'Pay €1,240.00 to ACME Supplies',
      detail: 'for Mira Köhler, approved with passkey',
      href: at('/audit/evt_1'),
    },
    { when: times.justNow, state: state('Asked', 'wait'), words: 'Pay €1,240.00: above €500, sent to Mira Köhler' },
    {
      when: times.hours,
      state: state('Refused', 'stop'),
      words: 'Read CRM contacts',
      detail: 'not in its mandate; see why, and what would allow it',
      href: at('/decisions/dec_1'),
    },
  ],
};
const choices = {
  status: '',
  risks: [
    { value: '', words: 'Any risk', selected: true },
    { value: 'low', words: 'Low risk', selected: false },
  ],
  unseen: [
    { value: '', words: 'Seen or not', selected: true },
    { value: '7', words: 'Not for 7 days', selected: false },
  ],
};

const agents: readonly Sample[] = [
  {
    template: 'console/agents',
    model: {
      frame,
      heading: '128 agents act here',
      words: '9 were not seen for 30 days.',
      q: '',
      tabs,
      ...choices,
      filtered: false,
      pager,
      agents: [
        agentRow('Invoice bot', 'Pays approved supplier invoices', 'Jana Weber', {
          state: state('Active', 'yes'),
          risk: state('Medium risk', 'wait'),
        }),
        agentRow('Cleanup agent', 'Removes stale leads from CRM', 'Data owners', {
          state: state('Under review', 'wait'),
          risk: state('High risk', 'stop'),
        }),
        agentRow('Travel planner', 'Finds and holds trains and rooms for the team', 'Mira Köhler', {
          state: state('Suspended', 'stop'),
          lastSeen: times.days,
        }),
        agentRow('release-notes', 'Drafts release notes from merged changes', 'nobody yet', {
          state: state('Proposed', 'info'),
          lastSeen: undefined,
        }),
      ],
    },
  },
  {
    template: 'console/agents',
    variant: 'empty',
    model: { frame, heading: 'No agent acts here', words: 'Yet.', q: '', tabs: [], ...choices, filtered: false, agents: [] },
  },
  {
    template: 'console/agents',
    variant: 'none-found',
    model: {
      frame,
      heading: '128 agents act here',
      words: 'None of them matches.',
      q: 'zebra',
      tabs: tabs.map((tab) => ({ ...tab, count: '' })),
      ...choices,
      owner: { id: 'usr_1', name: 'Jana Weber', clearHref: at('/agents?q=zebra') },
      filtered: true,
      agents: [],
    },
  },
  { template: 'console/agent', model: agentPage },
  {
    template: 'console/agent',
    variant: 'drifted',
    model: {
      ...agentPage,
      agent: { ...agentPage.agent, state: state('Under review', 'wait') },
      stopped: 'Under review 3 h ago: Something else runs than was agreed. It gets no token, and those it had are refused.',
      drift: { words: 'Something else runs than was agreed', isOpen: true, href: at('/agents/agt_1/drift') },
      may: { edit: true, suspend: true, retire: true, resume: false, activate: false },
    },
  },
  {
    template: 'console/agent',
    variant: 'suspended',
    model: {
      ...agentPage,
      family: {
        ...family,
        above: [],
        below: family.below.map((one) => ({ ...one, state: state('Suspended', 'stop') })),
        again: 'Let the 3 agents below it, stopped with it, act again',
      },
      agent: { ...agentPage.agent, state: state('Suspended', 'stop') },
      stopped: 'Suspended by Jana Weber 3 h ago: paid the same invoice twice. It gets no token, and those it had are refused.',
      may: { edit: true, suspend: false, retire: true, resume: true, activate: false },
      delegation: undefined,
      reach: [],
      credentials: [],
      did: [],
      falls: { headline: 'Nothing', words: ['It holds no live token.'] },
    },
  },
  {
    template: 'console/agent-form',
    model: {
      frame,
      heading: 'Add an agent',
      action: at('/agents/new'),
      backHref: at('/agents'),
      submit: 'Add the agent',
      owners,
      risks: list('low', 'medium', 'high'),
      autonomies: list('interactive', 'background'),
      environments: list('production', 'test'),
      lives: list('until its end, or for good', '20 minutes'),
      values: {
        name: '',
        owner: '',
        ownerEmail: '',
        purpose: '',
        riskLevel: 'low',
        autonomy: 'interactive',
        environment: 'production',
        validUntil: '',
        ttlMinutes: '',
        maxDelegationDepth: '2',
        maxChildren: '5',
        maxChildDepth: '1',
      },
      faults: [{ field: 'name', message: 'Give it a name.' }],
    },
  },
  {
    template: 'console/confirm',
    variant: 'suspend',
    model: {
      frame,
      current: 'agents',
      heading: 'Suspend Invoice bot?',
      words: 'It gets no new token and everything it holds is refused at once. You can resume it.',
      action: at(`/agents/${agent.full}/suspend`),
      backHref: at(`/agents/${agent.full}`),
      submit: 'Suspend it',
      falls,
      reasons: true,
      values: { reason: '' },
    },
  },
  {
    template: 'console/confirm',
    variant: 'retire',
    model: {
      frame,
      current: 'agents',
      heading: 'Retire Invoice bot?',
      words: 'For good. Its record and its audit stay; it never acts again.',
      action: at(`/agents/${agent.full}/retire`),
      backHref: at('/agents'),
      submit: 'Retire it',
      falls,
      name: 'Invoice bot',
      reasons: true,
      values: { reason: 'Replaced by the new payment run' },
      faults: [{ field: 'name', message: 'This is not its name.' }],
    },
  },
];

const queue: readonly Sample[] = [
  {
    template: 'console/approvals',
    model: {
      frame,
      heading: '3 questions wait',
      words: 'One of them for you.',
      tabs: [
        { href: '?', words: 'Waiting', count: 3, current: true },
        { href: '?state=decided', words: 'Decided', count: 314, current: false },
      ],
      approvals: [
        {
          href: at('/approvals/apr_1'),
          title: 'Pay €1,240.00 to ACME Supplies',
          chain,
          approver: 'Mira Köhler decides',
          state: state('Waiting', 'wait'),
          when: times.left,
        },
        {
          href: at('/approvals/apr_2'),
          title: 'Delete 312 rows in CRM',
          chain: [parties.cleanup, parties.crm],
          approver: 'You or Jonas Brandt decide',
          state: state('Waiting for you', 'wait'),
          when: times.later,
        },
      ],
      pager,
    },
  },
  {
    template: 'console/approvals',
    variant: 'empty',
    model: { frame: { ...frame, waiting: 0 }, heading: 'Nothing waits', words: 'Everything is decided.', tabs: [], approvals: [] },
  },
];

/** The console's overview, the agents and what they ask. */
export const agentSamples: readonly Sample[] = [...agents, ...queue];
