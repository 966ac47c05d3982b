import { base, fact, id, moment, parties, paymentJson, refusal, state, times, type Option, type Sample } from './shapes.ts';

const frame = { person: { name: 'Jana Weber', initials: 'JW' }, waiting: 3 };
const at = (path: string): string => `${base}/console${path}`;
const agent = id('agt', '7f3a');
const pager = { words: '25 of 128', previousHref: '?cursor=a', nextHref: '?cursor=b' };
const chain = [parties.mira, parties.orchestrator, parties.invoiceBot, parties.payments];
const owners: readonly Option[] = [
  { value: '', words: 'Nobody yet' },
  { value: 'usr_1', words: 'Jana Weber' },
  { value: 'grp_1', words: 'Finance (group)' },
];
const list = (...words: string[]): readonly Option[] => words.map((each) => ({ value: each, words: each }));
const falls = {
  headline: '14 live tokens',
  words: ['3 agents further down the chain lose what it handed on.', '2 waiting approvals are withdrawn.', '5 people would notice.'],
};

const overview: readonly Sample[] = [
  {
    template: 'console/overview',
    model: {
      frame,
      liveHref: at('/events'),
      heading: 'Everything is under control',
      words: '3 approvals wait · 2 agents under review · audit sealed 1 s ago',
      questions: [
        {
          question: 'Which agents exist?',
          answer: '128 active',
          words: '3 proposed · 2 under review · 11 suspended · 9 unseen for 30 days',
          next: { href: at('/agents'), words: 'See the agents' },
          bar: {
            label: '128 active, 3 proposed, 2 under review, 11 suspended',
            parts: [
              { from: 0, size: 88.9, tone: 'yes' },
              { from: 88.9, size: 2.1, tone: 'info' },
              { from: 91, size: 1.4, tone: 'wait' },
              { from: 92.4, size: 7.6, tone: '' },
            ],
          },
        },
        {
          question: 'Who owns them?',
          answer: '41 people',
          words: '2 owners leave this month; 5 agents need a successor.',
          next: { href: at('/people'), words: 'Find successors' },
        },
        {
          question: 'What can they do?',
          answer: '17 resource servers',
          words: '6 agents may spend money · 4 hold more than they used in 60 days',
          next: { href: at('/resource-servers'), words: 'See what they reach' },
        },
        {
          question: 'Why may they?',
          answer: '312 consents',
          words: '88 from people, 224 through 9 delegations · 3 end this week',
          next: { href: at('/delegations'), words: 'See the delegations' },
        },
        {
          question: 'What have they done?',
          answer: '48,210 tokens today',
          words: '61 refused; most often: amount above what was allowed',
          next: { href: at('/audit'), words: 'Read the audit' },
          spark: {
            label: 'Tokens an hour: 4 to 3,900, peak at 11:00',
            points: '0,36 20,35 40,35 60,31 80,28 100,21 120,13 140,6 160,10 180,14 200,9 220,11 240,20 260,26 280,30 300,33',
          },
        },
        {
          question: 'How do I stop them?',
          answer: '214 tokens alive',
          words: 'Suspend an agent and the last of its tokens is refused at once; none lives longer than 15 minutes',
          next: { href: at('/tokens'), words: 'See the live tokens' },
        },
      ],
      waiting: [
        {
          href: at('/approvals/apr_1'),
          title: 'Pay €1,240.00 to ACME Supplies',
          chain: 'Mira → Orchestrator → Invoice bot',
          approver: 'Mira Köhler',
          left: times.left,
        },
        {
          href: at('/approvals/apr_2'),
          title: 'Delete 312 rows in CRM',
          chain: 'Cleanup agent, for itself',
          approver: '2 of Data owners',
          left: times.later,
        },
        {
          href: at('/approvals/apr_3'),
          title: 'Enrol “release-notes”',
          chain: 'GitHub acme/site',
          approver: 'Administrators',
          left: moment('23 h left', '22 Nov 2026, 14:00:00 UTC', '2026-11-22T14:00:00Z'),
        },
      ],
      refused: [
        { href: at('/decisions/dec_1'), title: 'Invoice bot may not read contacts', words: 'not in its mandate', when: times.hours },
        { href: at('/decisions/dec_2'), title: 'Travel planner may not book', words: 'its owner is gone', when: times.days },
      ],
    },
  },
  {
    template: 'console/overview',
    variant: 'first-day',
    model: {
      frame: { ...frame, waiting: 0, flash: { tone: 'yes', words: 'You are this server’s first administrator.' } },
      heading: 'Nothing acts here yet',
      words: 'The next step is in each card.',
      questions: [
        {
          question: 'Which agents exist?',
          answer: 'None',
          words: 'Agents enrol with a token that you make.',
          next: { href: at('/initial-access-tokens/new'), words: 'Make an enrolment token' },
        },
        {
          question: 'Who owns them?',
          answer: 'You',
          words: 'Every agent has a person who answers for it.',
          next: { href: at('/people/invite'), words: 'Invite somebody' },
        },
        {
          question: 'What can they do?',
          answer: 'Nothing',
          words: 'Tell this server which APIs accept its tokens.',
          next: { href: at('/resource-servers/new'), words: 'Add a resource server' },
        },
        { question: 'Why may they?', answer: '0 consents', words: 'People allow agents; delegations let agents hand on.' },
        { question: 'What have they done?', answer: '0 tokens today', words: 'Whatever happens is written to the audit.' },
        { question: 'How do I stop them?', answer: '0 tokens alive', words: 'Suspending an agent ends its tokens everywhere at once.' },
      ],
      waiting: [],
      refused: [],
    },
  },
];

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
const agentPage = {
  frame,
  agent: {
    id: agent,
    name: 'Invoice bot',
    state: state('Active', 'yes'),
    risk: state('Medium risk', 'wait'),
    purpose: 'Pays approved supplier invoices',
    ends: times.january,
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
const agents: readonly Sample[] = [
  {
    template: 'console/agents',
    model: {
      frame,
      heading: '128 agents act here',
      words: '9 were not seen for 30 days.',
      q: '',
      tabs,
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
    model: { frame, heading: 'No agent acts here', words: 'Yet.', q: '', tabs: [], filtered: false, agents: [] },
  },
  {
    template: 'console/agents',
    variant: 'none-found',
    model: { frame, heading: '128 agents act here', words: 'None of them matches.', q: 'zebra', tabs, filtered: true, agents: [] },
  },
  { template: 'console/agent', model: agentPage },
  {
    template: 'console/agent',
    variant: 'suspended',
    model: {
      ...agentPage,
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
      values: {
        name: '',
        owner: '',
        purpose: '',
        riskLevel: 'low',
        autonomy: 'interactive',
        environment: 'production',
        validUntil: '',
        maxDelegationDepth: '2',
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

const rsv = id('rsv', '31d2');
const resourceServers: readonly Sample[] = [
  {
    template: 'console/resource-servers',
    model: {
      frame,
      heading: '2 APIs accept our tokens',
      words: 'A token is for exactly one of them.',
      pager: undefined,
      resourceServers: [
        {
          id: rsv.full,
          name: 'Payments API',
          uri: 'https://payments.acme.test',
          kind: 'API',
          scopes: 4,
          lifetime: '5 min',
          sensitivity: state('Spends money', 'stop'),
        },
        {
          id: rsv.full,
          name: 'Billing MCP',
          uri: 'https://billing.acme.test/mcp',
          kind: 'MCP server',
          scopes: 12,
          lifetime: '15 min',
          sensitivity: state('Normal'),
        },
      ],
    },
  },
  {
    template: 'console/resource-servers',
    variant: 'empty',
    model: { frame, heading: 'No API accepts our tokens', words: 'Yet.', resourceServers: [] },
  },
  {
    template: 'console/resource-server',
    model: {
      frame,
      maySave: true,
      resourceServer: {
        id: rsv,
        name: 'Payments API',
        uri: 'https://payments.acme.test',
        sensitivity: state('Spends money', 'stop'),
        facts: [fact('Kind', 'API'), fact('Signed with', 'ES256'), fact('A token lives', '5 minutes')],
      },
      scopes: [
        { value: 'payments:create', words: 'Prepare and send payments', used: '6 agents' },
        { value: 'payments:read', words: 'See payments', used: '12 agents' },
      ],
      types: ['payment_initiation', 'api_call'],
      clients: [{ name: 'payments-api introspection', detail: 'secret, used 2 min ago', href: at('/clients/cli_2') }],
      agents: [{ name: 'Invoice bot', href: at(`/agents/${agent.full}`), words: 'prepare and send payments, asks above €500' }],
      configuration: 'issuer    http://localhost:3000\naudience  https://payments.acme.test\nkeys      http://localhost:3000/jwks',
    },
  },
  {
    template: 'console/resource-server-form',
    model: {
      frame,
      heading: 'Add a resource server',
      action: at('/resource-servers/new'),
      backHref: at('/resource-servers'),
      submit: 'Add it',
      isNew: true,
      kinds: list('MCP server', 'API'),
      algorithms: list('ES256', 'EdDSA', 'RS256'),
      sensitivities: list('normal', 'high'),
      values: { name: '', uri: '', kind: 'API', scopes: '', lifetimeSeconds: '900', algorithm: 'ES256', sensitivity: 'normal' },
      faults: [{ field: 'uri', message: 'The address is https, without a fragment.' }],
    },
  },
];

const cli = id('cli', '90ab');
const client = {
  id: cli,
  name: 'invoice-bot in CI',
  state: state('Active', 'yes'),
  hasSecret: true,
  management: false,
  facts: [
    fact('Proves itself by', 'a private key (ES256)'),
    fact('Came', 'with the enrolment token “CI of the billing team”'),
    fact('Tokens', 'bound to a key (DPoP)'),
  ],
  redirects: [],
  grants: ['client_credentials', 'token-exchange', 'ciba'],
  metadata: JSON.stringify({ client_name: 'invoice-bot in CI', token_endpoint_auth_method: 'private_key_jwt' }, null, 2),
};
const clients: readonly Sample[] = [
  {
    template: 'console/clients',
    model: {
      frame,
      heading: '54 clients can ask for tokens',
      words: 'Each works for one agent, or is an application.',
      q: '',
      filtered: false,
      pager,
      clients: [
        {
          id: cli,
          name: 'invoice-bot in CI',
          agent: { name: 'Invoice bot', href: at(`/agents/${agent.full}`) },
          proves: 'private key',
          came: 'enrolled by itself',
          state: state('Active', 'yes'),
          lastUsed: times.justNow,
        },
        {
          id: cli,
          name: 'Claude Desktop',
          agent: { name: 'Claude Desktop', href: at(`/agents/${agent.full}`) },
          proves: 'nothing (public)',
          came: 'enrolled by consent',
          state: state('Active', 'yes'),
          lastUsed: times.hours,
        },
        { id: cli, name: 'Terraform', proves: 'secret', came: 'added by Jana Weber', state: state('Suspended', 'stop') },
      ],
    },
  },
  {
    template: 'console/client',
    model: {
      frame,
      client,
      agent: { party: { ...parties.invoiceBot, now: undefined, href: at(`/agents/${agent.full}`) }, words: 'Active, owned by Jana Weber' },
      keys: [{ id: { short: 'NzbLs…TVM', full: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9TVM' }, detail: 'ES256, 12 days old' }],
      says: 'Pays supplier invoices from CI.',
      may: { rotate: true, remove: true },
    },
  },
  {
    template: 'console/client',
    variant: 'management',
    model: {
      frame,
      client: { ...client, name: 'Terraform', management: true, redirects: ['https://app.terraform.test/callback'] },
      keys: [],
      may: { rotate: false, remove: true },
    },
  },
  {
    template: 'console/client-form',
    model: {
      frame,
      action: at('/clients/new'),
      agents: [
        { value: '', words: 'No agent: an application or service' },
        { value: agent.full, words: 'Invoice bot' },
      ],
      methods: [
        { value: 'private_key_jwt', words: 'A private key' },
        { value: 'client_secret_basic', words: 'A secret' },
        { value: 'none', words: 'Nothing' },
      ],
      grants: [
        { value: 'authorization_code', words: 'A person signs in and consents', checked: true },
        { value: 'client_credentials', words: 'By itself', hint: 'for its own work, for nobody' },
      ],
      values: {
        client_name: '',
        agent: '',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks_uri: '',
        redirect_uris: '',
        management: false,
      },
    },
  },
  {
    template: 'console/shown-once',
    model: {
      frame,
      current: 'clients',
      heading: 'The new secret of invoice-bot',
      words: 'The old one stops working in an hour.',
      once: [
        { label: 'client_id', value: cli.full },
        { label: 'client_secret', value: 'bhs_9vQ2mYx0m8Jc1rT6uEw4nLkPzH7sGd3aFbCiOqR5tVe' },
      ],
      facts: [fact('Good until', 'somebody makes another')],
      example: 'curl -u "$ID:$SECRET" http://localhost:3000/token -d grant_type=client_credentials',
      next: { href: at(`/clients/${cli.full}`), words: 'I have copied it' },
    },
  },
];

const enrolment: readonly Sample[] = [
  {
    template: 'console/initial-access-tokens',
    model: {
      frame,
      heading: '2 enrolment tokens are open',
      words: 'Whoever holds one can register agents.',
      tokens: [
        {
          id: 'iat_1',
          name: 'CI of the billing team',
          owner: 'Jana Weber',
          makes: 'active agents',
          used: '3 of 10',
          ends: times.january,
          state: state('Open', 'wait'),
          mayEnd: true,
        },
        {
          id: 'iat_2',
          name: 'Workshop in Leipzig',
          owner: 'Mira Köhler',
          makes: 'proposed agents',
          used: '20 of 20',
          ends: times.january,
          state: state('Used up'),
          mayEnd: false,
        },
      ],
    },
  },
  {
    template: 'console/initial-access-tokens',
    variant: 'empty',
    model: { frame, heading: 'Nobody can enrol agents', words: 'Agents come only by provisioning or when you add them.', tokens: [] },
  },
  {
    template: 'console/initial-access-token-form',
    model: {
      frame,
      action: at('/initial-access-tokens/new'),
      owners,
      states: list('active', 'proposed'),
      lifetimes: list('a day', 'a week', '90 days'),
      values: { name: '', owner: 'usr_1', state: 'proposed', uses: '1', lifetime: 'a day' },
    },
  },
];

const delegations: readonly Sample[] = [
  {
    template: 'console/delegations',
    model: {
      frame,
      heading: '9 delegations hold',
      words: 'Which agent may hand on to which.',
      pager,
      delegations: [
        {
          id: 'dlg_1',
          chain: [{ ...parties.orchestrator }, parties.invoiceBot, parties.payments],
          limits: 'prepare payments up to €2,000',
          until: times.january,
          state: state('Holds', 'yes'),
          mayEnd: true,
        },
        {
          id: 'dlg_2',
          chain: [{ ...parties.orchestrator }, parties.cleanup, parties.crm],
          limits: 'read leads',
          until: times.days,
          state: state('Ended'),
          mayEnd: false,
        },
      ],
    },
  },
  { template: 'console/delegations', variant: 'empty', model: { frame, heading: 'No delegation holds', words: 'Yet.', delegations: [] } },
  {
    template: 'console/delegation-form',
    model: {
      frame,
      action: at('/delegations/new'),
      agents: [
        { value: 'agt_1', words: 'Orchestrator' },
        { value: 'agt_2', words: 'Invoice bot' },
      ],
      resources: [{ value: rsv.full, words: 'Payments API' }],
      values: {
        from: 'agt_1',
        to: 'agt_2',
        resource: rsv.full,
        scopes: 'payments:create',
        types: 'payment_initiation',
        until: '2027-01-31',
      },
    },
  },
];

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
      policy: 'permit (principal, action, resource) when { resource in principal.mandate };',
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
        facts: [fact('Roles', 'approver'), fact('Signs in with', 'passkey, authenticator app'), fact('Here since', '3 Mar 2026')],
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
      may: { roles: true, reset: true, suspend: true, resume: false },
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
      mayProvision: true,
      warnings: ['The bootstrap client’s secret is 97 days old. Change BEHALF_BOOTSTRAP_CLIENT_SECRET.'],
      server: [fact('Version', '0.1.0'), fact('Database', 'embedded PostgreSQL 18.4'), fact('Audit', 'sealed up to 1 s ago')],
      keys: [
        { id: id('key', '0001'), algorithm: 'ES256', state: state('Signs now', 'yes'), since: times.days, ends: times.january },
        { id: id('key', '0002'), algorithm: 'ES256', state: state('Next', 'info'), since: times.hours },
      ],
      provisioning: [{ id: 'prov_1', name: 'Entra ID', made: times.days, lastUsed: times.justNow, ends: times.january }],
      paste: 'claude mcp add billing https://billing.acme.test/mcp',
    },
  },
];

/** Every page of the administrators' console. */
export const consoleSamples: readonly Sample[] = [
  ...overview,
  ...agents,
  ...queue,
  ...resourceServers,
  ...clients,
  ...enrolment,
  ...delegations,
  ...audit,
  ...people,
  ...tokens,
  ...settings,
];
