import { moment, type Sample, times } from '../shapes.ts';
import { at, frame } from './console.ts';

/** The first page of the console. */
export const overviewSamples: readonly Sample[] = [
  {
    template: 'console/overview',
    model: {
      frame,
      liveHref: at('/events'),
      stopHref: at('/agents?status=active'),
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
          answer: '17 APIs',
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
      due: [
        {
          href: at('/certifications/crt_1'),
          name: 'Winter review 2026',
          words: '12 agents are not confirmed and will be suspended after 31 Jan 2027.',
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
