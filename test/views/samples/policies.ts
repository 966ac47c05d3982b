import { policyExamples } from '../../../src/policy/policy-set/console/examples.ts';
import { POLICY_SCHEMA } from '../../../src/policy/cedar/schema.ts';
import { state, times, type Sample } from '../shapes.ts';
import { at, frame, list, pager } from './console.ts';

const text = policyExamples[0]?.text ?? '';
const broken = text.replace('context.amounts has EUR', 'context.amout has EUR');
const form = {
  frame,
  action: at('/policies/rules/large-payments'),
  removeHref: at('/policies/rules/large-payments/remove'),
  backHref: at('/policies'),
  mayChange: true,
  states: list('In force: asked about every request', 'A draft: kept, but not asked'),
  values: { text, state: 'In force: asked about every request', reason: '', version: '12' },
  examples: [],
  periods: [{ value: '1', words: 'the last day' }],
};
const trial = {
  frame,
  since: times.days,
  until: times.justNow,
  seen: '4812 requests',
  notJudged: 0,
  isCut: false,
  here: at('/policies/what-if/trl_1'),
  draft: [{ id: 'large-payments', text }],
  findings: [],
  mayChange: false,
};
const one = (name: string, words: string, does: ReturnType<typeof state>) => ({
  id: name,
  href: at(`/policies/rules/${name}`),
  words,
  does,
});

/** What administrators write, and what became of it. */
export const policySamples: readonly Sample[] = [
  {
    template: 'console/policies',
    model: {
      frame,
      heading: '4 policies are in force',
      mayChange: true,
      version: 12,
      pager,
      policies: [
        one('closed-bank', 'Closed to all but those whom a permit names.', state('Closes', 'stop')),
        one('large-payments', 'Payments above 200 EUR need an approval.', state('Asks for approval', 'wait')),
        { ...one('no-nights', '', state('Forbids', 'stop')), draft: state('Draft') },
        one('the-bank-for-two-agents', '', state('Permits', 'yes')),
        one(
          'strong-writes',
          'This needs a stronger sign-in: urn:behalf:acr:mfa, not longer than 600 seconds ago.',
          state('Asks to sign in again', 'wait'),
        ),
      ],
    },
  },
  {
    template: 'console/policies',
    variant: 'none',
    model: {
      frame,
      heading: 'No policy is in force',
      mayChange: true,
      version: 0,
      policies: [],
      note: 'A permit counts only where something is closed.',
    },
  },
  { template: 'console/policy-form', model: { ...form, heading: 'large-payments', isNew: false, checked: 'Nothing is wrong with it.' } },
  {
    template: 'console/policy-form',
    variant: 'new, with faults',
    model: {
      ...form,
      heading: 'Write a policy',
      isNew: true,
      examples: policyExamples,
      values: { ...form.values, text: broken },
      faults: [{ field: 'text', message: 'Line 5: Attribute `amout` in context not found: did you mean `amounts`?' }],
      listing: broken.split('\n').map((line, index) => ({
        number: index + 1,
        text: line,
        faults: index === 4 ? ['Column 8: Attribute `amout` in context not found: did you mean `amounts`?'] : [],
      })),
    },
  },
  {
    template: 'console/policy-trial',
    model: {
      ...trial,
      heading: 'It would have refused 42 requests and allowed one request',
      state: 'done',
      percent: 100,
      mayChange: true,
      save: { action: at('/policies/rules/large-payments'), text, version: '12' },
      pager,
      notJudged: 3,
      findings: [
        {
          state: state('Would be refused', 'stop'),
          words: 'Mira Köhler → Invoice bot → https://payments.acme.test/api',
          count: '42 requests',
          rules: 'allowed before, large-payments then',
          href: at('/decisions/dec_1'),
        },
        {
          state: state('Would be allowed', 'yes'),
          words: 'Cleanup agent → https://crm.acme.test/mcp',
          count: 'one request',
          rules: 'no-nights before, allowed then',
          href: at('/decisions/dec_2'),
        },
      ],
    },
  },
  {
    template: 'console/policy-trial',
    variant: 'running',
    model: { ...trial, heading: 'Looking: 1200 requests so far', state: 'running', percent: 34 },
  },
  {
    template: 'console/policy-trial',
    variant: 'nothing',
    model: { ...trial, heading: 'It would have changed nothing', state: 'done', percent: 100, isCut: true },
  },
  {
    template: 'console/policy-trial',
    variant: 'failed',
    model: { ...trial, heading: 'The trial could not be finished', state: 'failed', percent: 12 },
  },
  { template: 'console/policy-schema', model: { frame, schema: POLICY_SCHEMA } },
  {
    template: 'console/policy-versions',
    model: {
      frame,
      pager,
      versions: [
        {
          heading: 'Version 12',
          href: at('/policies/versions/12'),
          summary: 'changed large-payments',
          reason: 'The limit of the new contract',
          by: 'Ada Admin',
          when: times.hours,
        },
        {
          heading: 'Version 11',
          href: at('/policies/versions/11'),
          summary: 'put back version 9',
          reason: 'Night shifts were refused',
          by: 'Adam Roth',
          when: times.days,
        },
      ],
    },
  },
  { template: 'console/policy-versions', variant: 'none', model: { frame, versions: [] } },
  {
    template: 'console/policy-version',
    model: {
      frame,
      heading: 'Version 12',
      summary: 'changed large-payments',
      reason: 'The limit of the new contract',
      by: 'Ada Admin',
      when: times.hours,
      count: 4,
      isCurrent: false,
      rollBackHref: at('/policies/versions/12/rollback'),
      changes: [
        {
          id: 'large-payments',
          state: state('Changed', 'info'),
          words: 'It was put in force.',
          lines: [
            { sign: ' ', text: '@approval("owner")' },
            { sign: '-', text: 'when { context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("100.00")) };' },
            { sign: '+', text: 'when { context.amounts has EUR && context.amounts.EUR.greaterThan(decimal("200.00")) };' },
          ],
        },
      ],
    },
  },
  {
    template: 'console/policy-version',
    variant: 'in force, nothing differs',
    model: {
      frame,
      heading: 'Version 13',
      summary: 'put back version 12',
      reason: 'As it was',
      by: 'Ada Admin',
      when: times.justNow,
      count: 1,
      isCurrent: true,
      changes: [],
    },
  },
];
