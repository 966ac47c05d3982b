import { base, id, parties, type Falls, type Option, type Pager } from '../shapes.ts';

/** Who is signed in to the console. */
export const frame = { person: { name: 'Jana Weber', initials: 'JW' }, waiting: 3 };
/** An address of the console. */
export const at = (path: string): string => `${base}/console${path}`;
/** The agent most samples are about. */
export const agent = id('agt', '7f3a');
/** The middle of a long list. */
export const pager: Pager = { words: '25 of 128', previousHref: '?cursor=a', nextHref: '?cursor=b' };
/** A delegation with two agents. */
export const chain = [parties.mira, parties.orchestrator, parties.invoiceBot, parties.payments];
/** Who may be chosen as an owner. */
export const owners: readonly Option[] = [
  { value: '', words: 'Nobody yet' },
  { value: 'usr_1', words: 'Jana Weber' },
  { value: 'grp_1', words: 'Finance (group)' },
];
/** Choices whose values are their words. */
export const list = (...words: string[]): readonly Option[] => words.map((each) => ({ value: each, words: each }));
/** What stopping the agent would end. */
export const falls: Falls = {
  headline: '14 live tokens',
  words: ['3 agents further down the chain lose what it handed on.', '2 waiting approvals are withdrawn.', '5 people would notice.'],
};
