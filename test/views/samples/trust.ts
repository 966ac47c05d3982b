import { fact, id, state, times, type Sample } from '../shapes.ts';
import { at, frame, list, pager } from './console.ts';

const trp = id('trp', '9a41');
const kinds = (chosen: number) =>
  [
    ['Identity provider', 'identity_provider'],
    ['Workload', 'workload'],
    ['Publisher of software', 'software'],
    ['Issuer of access tokens', 'token_issuer'],
  ].map(([words = '', kind], index) => ({ words, href: at(`/trust-providers/new?kind=${kind}`), isChosen: index === chosen }));
const form = {
  frame,
  algorithms: 'ES256 ES384 ES512 EdDSA RS256 RS384 RS512 PS256 PS384 PS512',
  agents: list('Deploy bot', 'Nightly reports'),
  emails: list('Only when it says that the address is verified', 'Always: it owns the mailboxes of these domains'),
  statuses: list('Trusted', 'Switched off: nothing is let in'),
  yesOrNo: list('No', 'Yes'),
};
const values = {
  name: 'Deploys of the ticket service',
  issuer: 'https://token.actions.githubusercontent.com',
  jwksUri: 'https://token.actions.githubusercontent.com/.well-known/jwks',
  jwks: '',
  audiences: '',
  algorithms: 'RS256',
  domains: '',
  emailAuthoritative: 'no',
  claims: '/repository = acme/tickets\n/ref = refs/heads/main | refs/heads/release',
  resources: 'https://mcp.acme.test/tickets',
  scopes: 'tickets:read\ntickets:close',
  maxTtlSeconds: '300',
  status: 'active',
  agent: 'Deploy bot',
  ...{ subjectClaim: '/sub', tenantClaim: '', emailClaim: '/email', gives: '', presenters: '', chains: 'no', untyped: 'no' },
};
const weak = 'Only names are matched. A repository can be renamed and its name taken by somebody else: match /repository_id too.';
const happening = (what: string, word: string, tone: 'yes' | 'stop') => ({
  what,
  state: state(word, tone),
  when: times.justNow,
  href: at('/audit/evt_1'),
});

/** Whom the server believes. */
export const trustSamples: readonly Sample[] = [
  {
    template: 'console/trust-providers',
    model: {
      frame,
      heading: '2 issuers are trusted',
      words: 'What they sign lets people, workloads and software in, as far as their record says.',
      mayChange: true,
      pager,
      providers: [
        {
          id: trp.full,
          name: 'Acme single sign-on',
          issuer: 'https://sso.acme.test',
          kind: 'Identity provider',
          hasWarnings: false,
          state: state('Trusted', 'yes'),
        },
        {
          id: trp.full,
          name: values.name,
          issuer: values.issuer,
          kind: 'Workload',
          hasWarnings: true,
          state: state('Switched off', 'stop'),
        },
      ],
    },
  },
  {
    template: 'console/trust-providers',
    variant: 'empty',
    model: { frame, heading: 'No issuer is trusted', words: 'Yet.', mayChange: true, providers: [] },
  },
  {
    template: 'console/trust-provider-form',
    model: {
      ...form,
      heading: 'Whom do you trust?',
      lead: 'People of your company are let in on its word, without a page of consent here: its administrator decided. It names a person only by an address in a domain you list.',
      action: at('/trust-providers/new?kind=identity_provider'),
      backHref: at('/trust-providers'),
      submit: 'Trust it',
      isNew: true,
      kinds: kinds(0),
      shows: { people: true, agent: false, tokens: true, lifetime: true, issued: false, audiences: false },
      warnings: [],
      faults: [{ field: 'issuer', message: 'This is an https address.' }],
      values: { ...values, name: 'Acme single sign-on', issuer: 'sso.acme.test', domains: 'acme.test', claims: '', scopes: '', agent: '' },
    },
  },
  {
    template: 'console/trust-provider-form',
    variant: 'edit of a workload',
    model: {
      ...form,
      heading: `Edit ${values.name}`,
      lead: 'A job or a pod asks for tokens with the token its platform gave it: no secret is kept anywhere. One record is one agent.',
      action: at(`/trust-providers/${trp.full}/edit`),
      backHref: at(`/trust-providers/${trp.full}`),
      submit: 'Save',
      isNew: false,
      kinds: [],
      shows: { people: false, agent: true, tokens: true, lifetime: true, issued: false, audiences: true },
      warnings: [weak],
      values,
    },
  },
  {
    template: 'console/trust-provider-form',
    variant: 'issuer of access tokens',
    model: {
      ...form,
      heading: 'Whom do you trust?',
      lead: 'An agent that received a token of this issuer may exchange it for one of this server: for the person it is about, and no more than you say below.',
      action: at('/trust-providers/new?kind=token_issuer'),
      backHref: at('/trust-providers'),
      submit: 'Trust it',
      isNew: true,
      kinds: kinds(3),
      shows: { people: true, agent: false, tokens: false, lifetime: true, issued: true, audiences: true },
      warnings: [],
      values: {
        ...values,
        ...{ name: 'Acme directory', claims: '', domains: 'acme.test', gives: 'mail.read = https://mcp.acme.test/tickets tickets:read' },
        ...{ presenters: 'agt_0190b6b2c1d24e5f8a9b0c1d2e3f4a5b', subjectClaim: '/oid', tenantClaim: '/tid', untyped: 'yes' },
      },
    },
  },
  {
    template: 'console/trust-provider',
    model: {
      frame,
      mayChange: true,
      provider: {
        id: trp,
        name: values.name,
        issuer: values.issuer,
        kind: 'Workload',
        state: state('Trusted', 'yes'),
        facts: [
          fact('Keys', values.jwksUri),
          fact('Signed with', 'RS256'),
          fact('Made for', 'this server'),
          fact('For', 'https://mcp.acme.test/tickets'),
          fact('Scopes at most', 'tickets:read, tickets:close'),
          fact('A token lives at most', '300 s'),
        ],
      },
      agent: { name: 'Deploy bot', href: at('/agents/agt_1') },
      rules: ['/repository is acme/tickets', '/ref is refs/heads/main or refs/heads/release'],
      warnings: [weak],
      check: {
        isReadable: true,
        words: 'Its address answers with 2 keys; signatures are accepted with RS256.',
        keys: ['RS256 key cc413527-173f-5a05', 'RS256 key 38826b17-6a30-5f9b'],
      },
      uses: [happening('Deploy bot got a token', 'Let in', 'yes'), happening('Deploy bot got a token', 'Let in', 'yes')],
      refusals: [happening('Refused: its claims do not fit the rules', 'Refused', 'stop')],
    },
  },
  {
    template: 'console/trust-provider',
    variant: 'nobody came yet',
    model: {
      frame,
      mayChange: false,
      provider: {
        id: trp,
        name: 'Acme single sign-on',
        issuer: 'https://sso.acme.test',
        kind: 'Identity provider',
        state: state('Switched off', 'stop'),
        facts: [fact('Keys', 'https://sso.acme.test/jwks'), fact('Names people at', 'acme.test')],
      },
      rules: [],
      warnings: [],
      uses: [],
      refusals: [],
    },
  },
];
