import type { Sample } from '../shapes.ts';
import { at, frame } from './console.ts';

const server = { name: 'Payments API', href: at('/resource-servers/rsv_1') };
const risks = [
  { value: 'low', words: 'Little' },
  { value: 'high', words: 'Much: money, secrets, personal data' },
];
const scopes = [
  { value: '', words: 'None in particular' },
  { value: 'payments:create', words: 'payments:create: Prepare and send payments' },
];
const pay = {
  name: 'pay_invoice',
  title: 'Pay an invoice',
  description: 'Sends the amount of an open invoice.',
  risk: 'high',
  toolScope: 'payments:create',
};

/** The tools on the page of a resource server. */
export const toolsOfSample = {
  tools: [
    {
      name: pay.name,
      title: pay.title,
      words: pay.description,
      risk: 'high',
      scope: 'payments:create',
      href: at('/resource-servers/rsv_1/tools/pay_invoice/edit'),
    },
    {
      name: 'export_the_ledger_of_a_whole_year',
      title: 'export_the_ledger_of_a_whole_year',
      risk: 'medium',
      href: at('/resource-servers/rsv_1/tools/export/edit'),
    },
  ],
  toolsOpen: false,
  toolsWords: 'Any other tool is refused when it is asked for.',
};

export const toolSamples: readonly Sample[] = [
  {
    template: 'console/tool-form',
    model: {
      ...{
        frame,
        heading: 'Edit Pay an invoice',
        action: at('/resource-servers/rsv_1/tools/pay_invoice/edit'),
        submit: 'Save',
        isNew: false,
      },
      server,
      risks,
      scopes,
      values: pay,
    },
  },
  {
    template: 'console/tool-form',
    variant: 'new, with a fault',
    model: {
      ...{
        frame,
        heading: 'Add a tool of Payments API',
        action: at('/resource-servers/rsv_1/tools/new'),
        submit: 'Add it',
        isNew: true,
        server,
        risks,
        scopes,
      },
      values: { ...pay, name: 'pay invoice', title: '' },
      faults: [{ field: 'name', message: 'is not a name of at most 128 printable characters without space' }],
    },
  },
  {
    template: 'console/tools-told',
    model: {
      frame,
      server,
      action: at('/resource-servers/rsv_1/tools/told'),
      values: { told: '' },
      faults: [{ field: 'told', message: 'There is no list of tools in it.' }],
    },
  },
];
