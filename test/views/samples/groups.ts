import { frame } from './console.ts';
import { base, id, type Sample, state } from '../shapes.ts';

const answers = state('Can answer', 'yes');
const group = {
  frame,
  group: {
    id: id('grp', '51aa'),
    name: 'Finance operations',
    state: answers,
    words: '3 people, each of whom answers for what the group owns.',
  },
  people: [
    {
      name: 'Jana Weber',
      email: 'jana@acme.test',
      href: `${base}/console/people/usr_1`,
      removeHref: `${base}/console/groups/grp_1/people/usr_1/remove`,
    },
    {
      name: 'Bartholomew Featherstonehaugh-Cholmondeley',
      email: 'bartholomew.featherstonehaugh@long-company-name.acme.test',
      href: `${base}/console/people/usr_2`,
      removeHref: `${base}/console/groups/grp_1/people/usr_2/remove`,
      state: state('Shut out', 'stop'),
    },
  ],
  agents: [{ name: 'Invoice bot', href: `${base}/console/agents/agt_1` }],
  owned: { words: '12 agents', href: `${base}/console/agents?owner=grp_1` },
  may: { add: true, rename: true, remove: true },
  values: { email: '' },
};
const form = { frame, action: `${base}/console/groups/new`, backHref: `${base}/console/groups`, submit: 'Make it' };
const list = { frame, heading: '2 groups', words: 'People who answer for agents together.', q: '', isEditor: true };

/** The console’s pages about groups. */
export const groupSamples: readonly Sample[] = [
  {
    template: 'console/groups',
    model: {
      ...list,
      groups: [
        { id: 'grp_1', name: 'Finance operations', people: 3, agents: 12, state: answers },
        { id: 'grp_2', name: 'Customer support, night shift', people: 1, agents: 1, state: state('Nobody in it', 'wait') },
      ],
      pager: { words: '2 of 2' },
    },
  },
  { template: 'console/groups', variant: 'none found', model: { ...list, heading: '0 groups', q: 'zzz', groups: [] } },
  { template: 'console/groups', variant: 'none yet', model: { ...list, heading: 'No group yet', groups: [] } },
  { template: 'console/group', model: { ...group, morePeople: 'and 12 more', moreAgents: 'and more: the list over SCIM has all of them' } },
  {
    template: 'console/group',
    variant: 'nobody in it, read only',
    model: {
      ...group,
      group: { ...group.group, state: state('Nobody in it', 'wait') },
      warning: 'Nobody in it can sign in, so the 12 agents it owns get no token.',
      people: [],
      agents: [],
      may: { add: false, rename: false, remove: false },
    },
  },
  {
    template: 'console/group',
    variant: 'with a fault, owns nothing',
    model: {
      ...group,
      owned: { words: 'No agent' },
      values: { email: 'x@y.test' },
      faults: [{ field: 'email', message: 'Nobody here has this address.' }],
    },
  },
  { template: 'console/group-form', model: { ...form, heading: 'Make a group', values: { name: '' } } },
  {
    template: 'console/group-form',
    variant: 'with a fault',
    model: {
      ...form,
      heading: 'Make a group',
      values: { name: 'Finance' },
      faults: [{ field: 'name', message: 'There is a group of this name already.' }],
    },
  },
];
