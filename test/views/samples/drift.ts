import { id, type Sample, signedIn, state, times } from '../shapes.ts';
import { falls, frame } from './console.ts';

const agreed = 'sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU';
const running = 'sha-256:ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs';
const manifest = (full: string) => ({ id: { short: `${full.slice(8, 13)}…${full.slice(-3)}`, full } });
const seen = { since: times.hours, last: times.justNow, times: '14 times', client: 'Invoice bot on prod-3' };
const agent = { id: id('agt', '7f3a'), name: 'Invoice bot', state: state('Under review', 'wait'), version: 7 };
const parts = [
  { label: 'Made by', agreed: { text: 'Anthropic' }, runs: { text: 'Anthropic' } },
  { label: 'Model', agreed: { text: 'claude-sonnet-4-5' }, runs: { text: 'claude-opus-4-1' }, state: state('Differs', 'wait') },
  { label: 'Version', runs: { text: '20251001' }, state: state('New', 'info') },
  { label: 'Manifest', agreed: manifest(agreed), runs: manifest(running), state: state('Differs', 'wait') },
];
const meanwhile = 'It is under review and gets no token until somebody decides. What people allowed it waits for that.';
const differs = {
  heading: 'Something else runs than was agreed',
  agent,
  meanwhile,
  drift: { id: 'drf_1', parts, seen },
  others: [],
  falls,
};
const others = [{ model: 'claude-opus-4-1', digest: manifest(running.replace('yp', 'zq')).id, seen: { ...seen, times: 'once' } }];

const setting = {
  frame,
  version: 2,
  choices: [
    {
      value: 'never',
      words: 'Stop it until somebody looked',
      hint: 'It gets no token, and those it had are refused. The safe choice.',
      checked: true,
    },
    {
      value: 'low',
      words: 'Let agents of low risk go on',
      hint: 'They stay under review and keep their tokens; all others stop.',
      checked: false,
    },
    { value: 'medium', words: 'Let agents of low and medium risk go on', hint: 'Only agents of high risk stop.', checked: false },
  ],
};

const enrolment = {
  frame,
  version: 3,
  documentDomains: 'claude.ai\nexample.com',
  questions: [
    {
      name: 'newSoftware',
      legend: 'Software that nobody here knows asks to act for a person',
      answers: [
        {
          value: 'person',
          words: 'The person decides',
          hint: 'It acts for that person alone, and you see it at once under Software.',
          checked: true,
        },
        {
          value: 'administrator',
          words: 'It waits for an administrator',
          hint: 'The person is told so, and may ask you to let it in.',
          checked: false,
        },
      ],
    },
  ],
};

/** What runs beside what was agreed, for owners and administrators, and the setting for meanwhile. */
export const driftSamples: readonly Sample[] = [
  { template: 'me/drift', model: { frame: signedIn, ...differs, may: { accept: 'This is expected', stop: true } } },
  {
    template: 'me/drift',
    variant: 'agreed',
    model: {
      frame: { ...signedIn, flash: { tone: 'yes', words: 'That is its record now. An administrator can let it act again.' } },
      ...differs,
      heading: 'Mira Köhler says this is expected',
      may: { waits: 'An administrator who does not own it can let it act again.', stop: true },
    },
  },
  {
    template: 'me/drift',
    variant: 'nothing',
    model: {
      frame: signedIn,
      ...{ heading: 'It runs what was agreed', agent: { ...agent, state: state('Active', 'yes') }, others: [], falls, may: {} },
      meanwhile: 'There is nothing to decide.',
    },
  },
  { template: 'console/drift', model: { frame, ...differs, others, may: { accept: 'Accept and let it act again', stop: true } } },
  {
    template: 'console/drift',
    variant: 'agreed',
    model: { frame, ...differs, heading: 'Mira Köhler says this is expected', may: { activate: 'Let it act again', stop: true } },
  },
  { template: 'console/drift-setting', model: { ...setting, mayChange: true, changed: { by: 'Mira Köhler', when: times.days } } },
  { template: 'console/enrolment-setting', model: { ...enrolment, mayChange: true, changed: { by: 'Mira Köhler', when: times.days } } },
  {
    template: 'console/enrolment-setting',
    variant: 'faults',
    model: {
      ...enrolment,
      mayChange: true,
      documentDomains: '-bad-',
      faults: [{ field: 'documentDomains', message: 'An entry is not a host name.' }],
    },
  },
  { template: 'console/drift-setting', variant: 'auditor', model: { ...setting, mayChange: false } },
];
