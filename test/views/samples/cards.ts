import { fact, signedIn, state, times, type Sample } from '../shapes.ts';
import { agentPage } from './agents.ts';
import { at, frame, owners } from './console.ts';

const card = {
  lines: [
    fact('Calls itself', 'Route planner · 2.1.0'),
    fact('Provider', 'Example Geo Services Inc. · https://www.examplegeo.test'),
    fact('Answers at', 'https://georoute.examplegeo.test/a2a/v1 · JSONRPC, https://georoute.examplegeo.test/a2a/grpc · GRPC'),
    fact('Callers prove themselves by', 'google (openIdConnect)'),
    fact('Signed, unchecked', 'ES256 key-1 https://examplegeo.test/agent/jwks.json'),
  ],
  skills: ['Traffic-aware route optimiser · Calculates the best way between two places', 'Personalised map maker'],
  skillsWords: '2 skills',
  hash: { short: 'sha-256:7hR2kQ9x…', full: 'sha-256:7hR2kQ9xVb3mLw0pTzY6uJ1sFdGcNaXeIoPqRtUvWyA' },
};
const kept = { ...card, url: 'https://georoute.examplegeo.test/.well-known/agent-card.json', read: times.justNow };
const news = {
  stale: { since: times.hours, why: 'The host took too long.' },
  change: {
    when: times.days,
    members: 'provider, supportedInterfaces, version',
    decisive: 'its provider, where it answers',
    rows: [
      { label: 'Calls itself', before: 'Route planner · 2.0.4', after: 'Route planner · 2.1.0' },
      { label: 'Answers at', before: 'https://old.examplegeo.test/a2a · JSONRPC', after: card.lines[2]?.value },
    ],
  },
};
const form = { frame, action: at('/agents/from-card'), owners };

/** Agents that came from an A2A agent card. */
export const cardSamples: readonly Sample[] = [
  {
    template: 'console/agent-from-card',
    model: {
      ...form,
      values: { url: 'http://10.0.0.7/', owner: '' },
      faults: [{ field: 'url', message: 'The address is not one this server may call: https, without user information.' }],
    },
  },
  {
    template: 'console/agent-from-card',
    variant: 'preview',
    model: {
      ...form,
      values: { url: kept.url, owner: 'usr_1' },
      preview: {
        words: 'This would be recorded, as a proposed agent.',
        url: kept.url,
        expected: card.hash.full,
        submit: 'Add the agent',
        changed: '',
        says: 'Plans routes, makes maps and knows the traffic.',
        card,
      },
    },
  },
  {
    template: 'me/agent-card',
    model: {
      frame: signedIn,
      heading: 'What it says of itself',
      agent: { name: 'Route planner', state: state('Under review', 'wait') },
      card: { ...kept, ...news },
    },
  },
  {
    template: 'console/agent',
    variant: 'from a card',
    model: {
      ...agentPage,
      card: {
        ...kept,
        ...news,
      },
    },
  },
];
