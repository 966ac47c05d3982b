import { frame } from './console.ts';
import { base, fact, id, type Sample, state, times } from '../shapes.ts';

const line = { known: 'only by what it says of itself', owner: 'Nobody here', lastSeen: times.justNow };
const list = { frame, q: '', heading: '3 products came by themselves' };
const one = {
  frame,
  software: {
    id: id('sft', '51aa'),
    name: 'Claude Code',
    state: state('Let in by people', 'info'),
    words: 'People let it act for them. It gets nothing of high risk and nothing for itself until you adopt it.',
    facts: [
      fact('Recognised', 'only by what it says of itself'),
      fact('As', 'name claude code loopback'),
      fact('Connections', '40 connections, 3 not let in'),
      fact('Registered', '1,204 times'),
    ],
    firstSeen: times.days,
    lastSeen: times.justNow,
  },
  agent: { kind: 'agent', name: 'Claude Code', initials: 'CC', href: `${base}/console/agents/agt_1` },
  owner: 'Nobody here: people let it in by themselves',
  warning:
    'Nothing proves who it is: any program can call itself by this name. What you give to this agent, later registrations of the same name do not get.',
  may: { letIn: false, adopt: true, bind: false, limit: true, refuse: true, allow: false },
  owners: [
    { value: '', words: 'Choose who answers for it' },
    { value: 'group:grp_1', words: 'Finance operations' },
  ],
  risks: [
    { value: 'low', words: 'Little' },
    { value: 'medium', words: 'Something that can be undone' },
  ],
  values: { owner: '', riskLevel: 'medium', isBound: false, resources: '' },
};

/** Software that came by itself: list, one, and what is decided about it. */
export const softwareSamples: readonly Sample[] = [
  {
    template: 'console/software',
    model: {
      ...list,
      software: [
        {
          ...line,
          id: 'sft_1',
          name: 'Claude Code',
          connections: '40 connections, 3 not let in',
          state: state('Let in by people', 'info'),
        },
        {
          ...line,
          id: 'sft_2',
          name: 'Bartholomew’s extraordinarily long-named client',
          connections: '0 connections, 1 not let in',
          state: state('New', 'info'),
        },
        {
          ...line,
          id: 'sft_3',
          name: 'ChatGPT',
          known: 'by where its answers go',
          owner: 'Finance operations',
          connections: '212 connections',
          state: state('Adopted', 'yes'),
        },
      ],
      pager: { words: '3 of 3' },
    },
  },
  {
    template: 'console/software',
    variant: 'none yet',
    model: { ...list, heading: '0 products came by themselves', software: [] },
  },
  { template: 'console/software', variant: 'none found', model: { ...list, q: 'zzz', software: [] } },
  { template: 'console/one-software', model: one },
  {
    template: 'console/one-software',
    variant: 'waits',
    model: {
      ...one,
      software: {
        ...one.software,
        state: state('Waits for you', 'wait'),
        words: 'Somebody asked you to let it in. Until then it may do nothing.',
      },
      may: { ...one.may, letIn: true, bind: true },
      faults: [{ field: 'owner', message: 'Choose who answers for it.' }],
    },
  },
  {
    template: 'console/one-software',
    variant: 'refused',
    model: {
      ...one,
      software: { ...one.software, state: state('Refused', 'stop'), words: 'It cannot register, and nobody can let it in.' },
      may: { letIn: false, adopt: false, bind: false, limit: true, refuse: false, allow: true },
    },
  },
];
