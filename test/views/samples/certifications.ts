import { base, type Sample, signedIn, state, times } from '../shapes.ts';
import { agent, at, frame, owners, pager } from './console.ts';

const due = times.january;
const campaignId = 'crt_0193f5a27c1e7b4a9d03c2aa81ee0246';
const here = at(`/certifications/${campaignId}`);

const asked = (name: string, more: object) => ({
  id: `agt_${name.toLowerCase().replaceAll(/\W/g, '')}`,
  action: `${base}/me/certifications/${campaignId}/agt_1`,
  name,
  purpose: 'Pays approved supplier invoices',
  state: state('Active', 'yes'),
  risk: state('Low risk'),
  lastSeen: times.justNow,
  reach: 'Payments API, Billing MCP',
  ...more,
});

const owner: readonly Sample[] = [
  {
    template: 'me/certifications',
    model: {
      frame: { ...signedIn, flash: { tone: 'info', words: 'Jonas Brandt confirmed it before you.' } },
      heading: 'Are these 23 agents still needed?',
      campaigns: [
        {
          name: 'Winter review 2026',
          from: 'Ada Admin',
          note: 'The auditors ask us twice a year.\nWrite to Ada when an agent has moved to another team.',
          due,
          lowRisk: {
            action: `${base}/me/certifications/${campaignId}/confirm-low-risk`,
            words: 'Confirm all 2 low-risk agents',
            agents: 'agt_1 agt_2',
          },
          agents: [
            asked('Invoice bot', { risk: state('High risk', 'stop'), group: 'Finance' }),
            asked('Travel planner', { lastSeen: undefined, reach: 'what is granted to it', purpose: 'Nobody said what it is for.' }),
            asked('Collector-of-a-very-long-name-without-any-space-in-it', { state: state('Under review', 'wait') }),
          ],
        },
      ],
      expired: [
        {
          action: `${base}/me/certifications/${campaignId}/agt_9`,
          name: 'Newsletter',
          purpose: 'Writes to customers',
          campaign: 'Summer review',
          due,
        },
      ],
      pager: { words: '20 of 23 agents', nextHref: '?campaign=a&agent=b' },
    },
  },
  {
    template: 'me/certifications',
    variant: 'empty',
    model: { frame: signedIn, heading: 'Nothing to confirm', campaigns: [], expired: [] },
  },
];

const lists: readonly Sample[] = [
  {
    template: 'console/certifications',
    model: {
      frame,
      heading: '12 agents wait to be confirmed',
      words: 'Owners say by a date that their agents are still needed. What nobody confirms is suspended then.',
      mayStart: true,
      campaigns: [
        {
          href: here,
          name: 'Winter review 2026',
          state: state('Due soon', 'wait'),
          due,
          progress: { answered: 28, total: 40, words: '28 of 40 agents answered or ended' },
          open: 12,
        },
        {
          href: here,
          name: 'Summer review 2026',
          state: state('Closed'),
          due,
          progress: { answered: 31, total: 31, words: '31 of 31 agents answered or ended' },
          open: 0,
        },
      ],
      pager,
    },
  },
  {
    template: 'console/certifications',
    variant: 'empty',
    model: { frame, heading: 'Nobody is asked to confirm agents', words: 'Owners say by a date.', mayStart: true, campaigns: [] },
  },
];

const row = (name: string, more: object) => ({
  id: agent.full,
  name,
  purpose: 'Pays approved supplier invoices',
  owner: 'Jana Weber',
  risk: state('Medium risk', 'wait'),
  lastSeen: times.hours,
  answer: state('Not answered', 'wait'),
  ...more,
});
const campaign = {
  frame,
  id: campaignId,
  name: 'Winter review 2026',
  state: state('Due soon', 'wait'),
  words: 'Asks for active agents of medium and high risk, not confirmed for 90 days. Started by Ada Admin.',
  due,
  note: 'The auditors ask us twice a year.',
  counts: '25 confirmed, 2 no longer needed, 12 not answered, 1 taken out.',
  progress: { answered: 28, total: 40, words: '28 of 40 agents answered or ended' },
  may: { extend: true, cancel: true },
  unanswered: [
    { name: 'Jana Weber', isGone: false, open: '7', href: `${here}?state=open&owner=usr_1` },
    { name: 'Max Gone', isGone: true, open: '5', href: `${here}?state=open&owner=usr_2` },
  ],
  tabs: [
    { href: here, words: 'Not answered', count: '12', current: true },
    { href: `${here}?state=confirmed`, words: 'Confirmed', count: '25', current: false },
    { href: `${here}?state=declined`, words: 'No longer needed', count: '2', current: false },
  ],
  agents: [row('Invoice bot', { answerHref: `${here}/agents/${agent.full}/confirm` }), row('Travel planner', { lastSeen: undefined })],
  pager,
};

const pages: readonly Sample[] = [
  { template: 'console/certification', model: campaign },
  {
    template: 'console/certification',
    variant: 'cancelled',
    model: {
      ...campaign,
      state: state('Cancelled'),
      ended: 'Cancelled by Ada Admin: wrong scope. Nobody was suspended from then on.',
      note: '',
      may: { extend: false, cancel: false },
      unanswered: [],
      ownedBy: { name: 'Jana Weber', allHref: here },
      agents: [
        row('Invoice bot', {
          answer: state('Confirmed', 'yes'),
          by: 'Ada Admin for the owner',
          when: times.days,
          comment: 'On leave until May',
        }),
      ],
    },
  },
  {
    template: 'console/certification-form',
    model: {
      frame,
      action: at('/certifications/new'),
      backHref: at('/certifications'),
      owners,
      risks: ['low', 'medium', 'high'].map((name) => ({ name, words: `${name} risk`, checked: name !== 'low' })),
      values: { name: '', note: '', owner: '', unconfirmedDays: '90', due: '2027-01-31' },
      faults: [{ field: 'name', message: 'This has 1 to 80 characters and no invisible ones.' }],
    },
  },
  {
    template: 'console/certification-preview',
    model: {
      frame,
      action: at('/certifications/new'),
      name: 'Winter review 2026',
      note: 'The auditors ask us twice a year.',
      due,
      words: 'active agents of medium and high risk, not confirmed for 90 days',
      reach: { headline: '40 agents of 12 owners', words: ['For 2 agents nobody is left who could answer. Give them to somebody first.'] },
      mayStart: true,
      fields: [{ name: 'name', value: 'Winter review 2026' }],
    },
  },
  {
    template: 'console/certification-extend',
    model: {
      frame,
      heading: 'More time for Winter review 2026?',
      due,
      action: `${here}/extend`,
      backHref: here,
      values: { due: '' },
      faults: [{ field: 'due', message: 'The new date is later than the one owners know.' }],
    },
  },
  {
    template: 'console/confirm',
    variant: 'confirm for an owner',
    model: {
      frame,
      current: 'certifications',
      heading: 'Confirm Invoice bot for its owner?',
      words: 'For an owner who is away. The audit says that you answered in their place, and why.',
      action: `${here}/agents/${agent.full}/confirm`,
      backHref: here,
      submit: 'It is still needed',
      tone: 'calm',
      reasons: true,
      values: { reason: '' },
    },
  },
];

/** Owners confirm their agents by a date: what they see, and what administrators see. */
export const certificationSamples: readonly Sample[] = [...owner, ...lists, ...pages];
