import { fact, id, parties, state, times, type Sample } from '../shapes.ts';
import { toolsOfSample } from './tools.ts';
import { agent, at, frame, list, owners, pager } from './console.ts';

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
        { value: 'payments:create', words: 'Prepare and send payments', risk: 'high' },
        { value: 'payments:read', words: 'See payments', risk: 'medium' },
      ],
      ...toolsOfSample,
      clients: [{ name: 'payments-api introspection', detail: 'secret, used 2 min ago', href: at('/clients/cli_2') }],
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
      nobody: 'No agent: an application or a service that an administrator registered.',
      keys: [],
      may: { rotate: false, remove: true },
    },
  },
  {
    template: 'console/client-form',
    model: {
      frame,
      action: at('/clients/new'),
      byDocumentHref: at('/clients/by-document'),
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
      lives: list('until somebody ends them', '20 minutes', 'a day'),
      lifetimes: list('a day', 'a week', '90 days'),
      values: { name: '', owner: 'usr_1', state: 'proposed', agentLife: '20 minutes', uses: '1', lifetime: 'a day' },
    },
  },
];

const provisioning: readonly Sample[] = [
  {
    template: 'console/provisioning',
    model: {
      frame,
      mayChange: true,
      scimBaseUrl: 'https://id.acme.test/scim/v2',
      providers: [
        {
          name: 'Okta',
          href: at(`/clients/${cli.full}`),
          words: 'May say who owns agents, and start and stop them.',
          tokens: [
            {
              id: 'prov_2',
              endsIn: 'x9Qe',
              words: 'reads and writes, from 203.0.113.0/24, 198.51.100.7, 2001:db8::/32 and 2 more',
              state: state('Works', 'yes'),
              made: times.hours,
              ends: { verb: 'ends', time: times.january },
              endHref: at('/provisioning/prov_2/end'),
            },
            {
              id: 'prov_1',
              endsIn: 'h4Tz',
              words: 'reads and writes, from any address',
              state: state('Works', 'yes'),
              made: times.days,
              used: { when: times.justNow, from: '203.0.113.7' },
              ends: { verb: 'ends', time: times.january },
              refused: { when: times.hours, from: '192.0.2.9', why: 'not one of its addresses' },
              endHref: at('/provisioning/prov_1/end'),
            },
          ],
        },
        {
          name: 'Entra ID',
          href: at(`/clients/${cli.full}`),
          words: 'May add agents and describe them; who owns and starts them is decided here.',
          stopped: 'Its client is disabled or no longer marked for management: none of its tokens works.',
          anotherHref: at(`/provisioning/new?client=${cli.full}`),
          tokens: [
            {
              id: 'prov_0',
              endsIn: 'Zk2m',
              words: 'reads only, from any address',
              state: state('Ended'),
              made: times.days,
              ends: { verb: 'ended', time: times.days },
            },
          ],
        },
      ],
    },
  },
  {
    template: 'console/provisioning',
    variant: 'empty',
    model: { frame, mayChange: true, scimBaseUrl: 'https://id.acme.test/scim/v2', providers: [] },
  },
  {
    template: 'console/provisioning-form',
    model: {
      frame,
      action: at('/provisioning/new'),
      clients: [
        { value: '', words: 'A new one' },
        { value: cli.full, words: 'Okta' },
      ],
      accesses: list('Read and write', 'Read only'),
      lifetimes: list('90 days', '180 days'),
      values: { client: '', name: '', governance: true, access: 'Read and write', addresses: '203.0.113.0/33', lifetime: '180 days' },
      faults: [
        { field: 'addresses', message: 'Entry 1 is neither an address like 203.0.113.7 nor a range like 203.0.113.0/24 or 2001:db8::/32.' },
      ],
    },
  },
  {
    template: 'console/shown-once',
    variant: 'provisioning',
    model: {
      frame,
      current: 'provisioning',
      heading: 'Connect your identity provider',
      words: 'Paste both into it. Its next run brings the agents here.',
      once: [
        { label: 'SCIM base URL', value: 'https://id.acme.test/scim/v2' },
        { label: 'Token', value: 'behalf_scim_0pQmYx0m8Jc1rT6uEw4nLkPzH7sGd3aFbCiOqR5tVe9vQ2mYx0m8Jh' },
      ],
      facts: [fact('It', 'reads and writes'), fact('Is taken', 'from any address'), fact('Ends', '20 May 2027, 14:58:12 UTC')],
      steps: [
        { heading: 'In Okta', lines: ['Open the app, then Provisioning.', 'Paste the token under Authorization.'] },
        { heading: 'In Microsoft Entra ID', lines: ['Paste the base URL as Tenant URL.'] },
      ],
      next: { href: at('/provisioning'), words: 'I have copied it' },
    },
  },
];

/** What may be reached, and by which software. */
export const accessSamples: readonly Sample[] = [...resourceServers, ...clients, ...enrolment, ...provisioning];
