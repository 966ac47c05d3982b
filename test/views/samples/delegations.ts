import { base, id, parties, signedIn, state, times, type Sample } from '../shapes.ts';
import { at, frame, list, pager } from './console.ts';

const rsv = id('rsv', '31d2');
const dlr = id('dlr', '7c10');
const handed: readonly Sample[] = [
  {
    template: 'console/delegations',
    model: {
      frame,
      mayChange: true,
      waiting: [
        {
          id: dlr.full,
          heading: 'May Collector take over from Orchestrator?',
          asker: 'Collector',
          reason: 'Collects the invoices that Orchestrator found.',
        },
      ],
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
  {
    template: 'console/delegations',
    variant: 'empty',
    model: { frame, heading: 'No delegation holds', words: 'Yet.', mayChange: false, waiting: [], delegations: [] },
  },
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
      namings: list(
        'Yes: it acts for the first one, and everybody can see that',
        'No: it acts as if it were the first one (impersonation)',
      ),
      values: {
        naming: 'named',
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

const request = {
  chain: [{ ...parties.orchestrator }, parties.invoiceBot, parties.payments],
  heading: 'May Invoice bot take over from Orchestrator?',
  limits: 'payments:create, payments:read · payment_initiation',
  reason: 'Pays what Orchestrator found, so that nobody copies numbers by hand at the end of the month.',
  asker: 'Invoice bot',
  askedAt: times.justNow,
  until: times.january,
  expiresAt: times.days,
  state: state('Waits', 'wait'),
};
const line = { id: dlr.full, ...request };
const asking: readonly Sample[] = [
  { template: 'console/delegation-request', model: { frame, ...request, mayDecide: true, action: at(`/delegation-requests/${dlr.full}`) } },
  {
    template: 'console/delegation-request',
    variant: 'somebody else decides',
    model: {
      frame,
      ...request,
      mayDecide: false,
      why: 'You answer for the agent that would receive: somebody else has to decide.',
      action: at(`/delegation-requests/${dlr.full}`),
    },
  },
  {
    template: 'me/delegation-request',
    model: { frame: signedIn, ...request, mayDecide: true, action: `${base}/me/delegations/${dlr.full}` },
  },
  {
    template: 'me/delegation-request',
    variant: 'answered',
    model: {
      frame: signedIn,
      ...request,
      state: state('Declined', 'stop'),
      mayDecide: false,
      action: `${base}/me/delegations/${dlr.full}`,
    },
  },
  {
    template: 'me/delegations',
    model: {
      frame: signedIn,
      mayAsk: true,
      waiting: [line],
      asked: [
        { ...line, state: state('Approved', 'yes') },
        { ...line, state: state('Ran out') },
      ],
    },
  },
  { template: 'me/delegations', variant: 'empty', model: { frame: signedIn, mayAsk: false, waiting: [], asked: [] } },
  {
    template: 'me/delegation-form',
    model: {
      frame: signedIn,
      action: `${base}/me/delegations/new`,
      backHref: `${base}/me/delegations`,
      agents: list('Invoice bot', 'Travel planner'),
      faults: [{ field: 'from', message: 'There is no such agent.' }],
      values: {
        ...{ from: 'agt_01', to: 'Invoice bot', resource: 'https://payments.acme.test', scopes: 'payments:create', types: '' },
        ...{ until: '2027-01-31', reason: 'Pays what Orchestrator found' },
      },
    },
  },
];

const mapping = (scope: string) => ({
  id: `map_${scope}`,
  from: { name: 'Billing MCP', scope },
  to: { name: 'Payments API', scope: 'payments:create' },
});
const mappings: readonly Sample[] = [
  {
    template: 'console/scope-mappings',
    model: {
      frame,
      mayChange: true,
      mappings: [mapping('invoices:pay'), mapping('a-very-long-scope-that-somebody-made-up:with-a-part:and-another-part')],
      resources: list('Billing MCP', 'Payments API'),
      action: at('/scope-mappings'),
      pager,
      faults: [{ field: 'toScope', message: 'The resource server does not offer this scope.' }],
      values: { fromResource: 'Billing MCP', fromScope: 'invoices:pay', toResource: 'Payments API', toScope: 'pay' },
    },
  },
  {
    template: 'console/scope-mappings',
    variant: 'empty',
    model: { frame, mayChange: false, mappings: [], resources: [], action: at('/scope-mappings'), values: {} },
  },
];

/** What agents hand to each other, who asks for it, and what gives what elsewhere. */
export const delegationSamples: readonly Sample[] = [...handed, ...asking, ...mappings];
