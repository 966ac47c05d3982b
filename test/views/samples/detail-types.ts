import { builtInDetailTypes, createDetailTypes } from '../../../src/authorization-details/index.ts';
import { tryOut } from '../../../src/authorization-details/live-example.ts';
import { definitionText, presentInConsole, presentInList } from '../../../src/authorization-details/present.ts';
import type { RegisteredType } from '../../../src/authorization-details/registered-type.ts';
import type { Sample } from '../shapes.ts';
import { at, frame } from './console.ts';

const types = createDetailTypes();
const builtIn = builtInDetailTypes.map(
  (definition): RegisteredType => ({ definition, isBuiltIn: true, isEnabled: true, usedAt: undefined, changed: undefined }),
);
const payment = types.find('payment_initiation');
const data = types.find('data_access');
if (payment === undefined || data === undefined) throw new Error('a built-in type is missing');
const booking: RegisteredType = {
  definition: { ...data.definition, type: 'room_booking', title: 'Book rooms' },
  isBuiltIn: false,
  isEnabled: false,
  usedAt: undefined,
  changed: undefined,
};
const granted = {
  ...payment.definition.example,
  creditor_accounts: ['DE89370400440532013000'],
  execution: { from: '2026-05-01T00:00:00Z', until: '2026-05-31T22:00:00Z' },
};
const smaller = { type: 'payment_initiation', instructed_amount: { amount: '120.00', currency: 'EUR' }, creditors: ['Acme GmbH'] };
const values = { example: definitionText(granted), narrower: definitionText(smaller) };
const beyond = { ...values, narrower: definitionText({ ...smaller, instructed_amount: { amount: '200.01', currency: 'EUR' } }) };
const broken = { ...values, narrower: '{"type":"payment_initiation","creditors":["Acme GmbH"]}' };
const may = { edit: true, remove: true, switch: true };

export const detailTypeSamples: readonly Sample[] = [
  {
    template: 'console/detail-types',
    model: {
      frame,
      heading: 'Agents can ask for 4 types of detail',
      words: 'A detail says more exactly than a scope what a token allows: which tools, how much, until when.',
      types: [...builtIn, booking].map(presentInList),
      mayChange: true,
    },
  },
  {
    template: 'console/detail-type',
    model: {
      frame,
      type: presentInConsole(builtIn[2] as RegisteredType),
      values,
      tried: tryOut(payment, values),
      may: { ...may, edit: false, remove: false },
    },
  },
  {
    template: 'console/detail-type',
    variant: 'reaches beyond',
    model: { frame, type: presentInConsole(booking), values: beyond, tried: tryOut(payment, beyond), may },
  },
  {
    template: 'console/detail-type-form',
    model: {
      frame,
      heading: 'Add a type of detail',
      lead: 'Say what a detail may hold, how each member may narrow when it is handed on, and how it reads to people.',
      action: at('/authorization-detail-types/new'),
      backHref: at('/authorization-detail-types'),
      submit: 'Add it',
      faults: [],
      values: { definition: definitionText(payment.definition), ...broken },
      tried: tryOut(payment, broken),
    },
  },
  {
    template: 'console/detail-type-form',
    variant: 'faulty',
    model: {
      frame,
      heading: 'Edit Book rooms',
      lead: 'Requests have named this type. Its words may change, bounds may be relaxed and optional members added.',
      action: at('/authorization-detail-types/room_booking/edit'),
      backHref: at('/authorization-detail-types/room_booking'),
      submit: 'Save',
      faults: [{ field: 'definition', message: '/schema/properties/rooms/pattern: is not known in a definition.' }],
      values: { definition: '{"type":"room_booking"}', example: '', narrower: '' },
    },
  },
];
