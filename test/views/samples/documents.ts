import { fact, parties, type Sample, state, times } from '../shapes.ts';
import { agent, at, frame } from './console.ts';

const url = 'https://claude.ai/oauth/claude-code-client-metadata';
const client = {
  id: { short: 'https://…data', full: url },
  name: 'Claude Code',
  state: state('Active', 'yes'),
  hasSecret: false,
  management: false,
  facts: [fact('Is', 'An agent'), fact('Came', 'by its metadata document, 21 Nov 2026'), fact('Proves itself by', 'nothing (public)')],
  redirects: ['http://localhost/callback', 'http://127.0.0.1/callback'],
  grants: ['authorization_code', 'refresh_token'],
  metadata: JSON.stringify({ client_name: 'Claude Code', token_endpoint_auth_method: 'none' }, null, 2),
};
const document = { url, readAt: times.hours, freshness: { verb: 'ends', time: times.later }, isApproved: false };
const may = { rotate: false, remove: true, read: true };
const party = { ...parties.claude, now: undefined, href: at(`/agents/${agent.full}`) };

/** Clients whose identifier is the address of their metadata document. */
export const documentSamples: readonly Sample[] = [
  {
    template: 'console/client',
    variant: 'metadata document',
    model: {
      frame,
      client,
      agent: { party, words: 'Its tokens are this agent’s.' },
      document: { ...document, state: state('Fresh', 'yes') },
      keys: [],
      may,
    },
  },
  {
    template: 'console/client',
    variant: 'metadata document that fails',
    model: {
      frame,
      client,
      agent: { party, words: 'Its tokens are this agent’s.' },
      document: {
        ...document,
        state: state('Not valid', 'stop'),
        fault: { words: 'Its client_id is not the address it was read from, letter by letter.', since: times.hours },
        change: { words: 'Its name was Claude and is Claude Code now. Its answers may go to claude.com now.', at: times.days },
        isApproved: true,
      },
      keys: [],
      may,
    },
  },
  {
    template: 'console/document-form',
    model: {
      frame,
      action: at('/clients/by-document'),
      agents: [
        { value: '', words: 'Choose' },
        { value: agent.full, words: 'Invoice bot' },
      ],
      values: { url: 'https://claude.ai/oauth/client?v=1', agent: '' },
      faults: [
        { field: 'url', message: 'The address has a query.' },
        { field: 'agent', message: 'Choose the agent that this software works for.' },
      ],
    },
  },
];
