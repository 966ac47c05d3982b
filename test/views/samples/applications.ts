import { fact, id, state, times, type Sample } from '../shapes.ts';
import { at, frame, pager } from './console.ts';

const application = id('aap', '91c2');
const inUse = state('In use', 'yes');
const row = (name: string, words: string, more: Record<string, unknown> = {}) => ({
  name,
  words,
  href: at(`/applications/${application.full}`),
  agents: '3 agents',
  state: inUse,
  lastAccessed: times.justNow,
  ...more,
});

/** The applications that agents belong to. */
export const applicationSamples: readonly Sample[] = [
  {
    template: 'console/applications',
    model: {
      frame,
      heading: '128 applications',
      applications: [
        row('Invoice desk', 'Pays suppliers and answers what finance asks'),
        row('Travel', '', { agents: '1 agent', lastAccessed: undefined }),
        row('Old desk', 'Replaced by Invoice desk', { agents: '0 agents', state: state('Not in use'), lastAccessed: times.days }),
      ],
      pager,
    },
  },
  { template: 'console/applications', variant: 'empty', model: { frame, heading: 'No application yet', applications: [] } },
  {
    template: 'console/application',
    model: {
      frame,
      application: {
        id: application,
        name: 'Invoice desk',
        state: inUse,
        facts: [
          fact('Name', 'invoice-desk'),
          fact('Known to its source as', '0oa1gjh63g214q0Hq0g4'),
          fact('Came from', 'scim:okta'),
          fact('crm.acme.example', 'A-4711'),
        ],
        lastAccessed: times.hours,
      },
      says: 'Pays suppliers and answers what finance asks.',
      urls: [
        { label: 'Home page', value: 'https://invoices.acme.example/', href: 'https://invoices.acme.example/', description: 'For people' },
        { label: 'API', value: 'http://10.0.0.7/a-very-long-path/that-does-not-break-anywhere-because-it-has-no-spaces/api/v1' },
      ],
      agents: [
        { name: 'Invoice bot', href: at('/agents/agt_1'), words: 'its own', state: state('Active', 'yes') },
        { name: 'Travel planner', href: at('/agents/agt_2'), words: 'a guest', state: state('Suspended', 'stop') },
      ],
      configurations: [
        {
          heading: 'invoice-desk-production',
          facts: [
            fact('Issuer', 'https://acme.okta.example/oauth2/default'),
            fact('Audience', 'https://api.acme.example/invoices'),
            fact('Redirects to', 'https://invoices.acme.example/callback'),
          ],
        },
      ],
    },
  },
  {
    template: 'console/application',
    variant: 'bare',
    model: {
      frame,
      application: { id: application, name: 'Travel', state: state('Not in use'), facts: [fact('Came from', 'scim:okta')] },
      urls: [],
      agents: [],
      configurations: [],
    },
  },
];
