import { state } from '../shapes.ts';
import { agent, at } from './console.ts';

const relative = (name: string, level: number, [word, tone]: Parameters<typeof state>) => ({
  name,
  level,
  state: state(word, tone),
  href: at(`/agents/${agent.full}`),
});
/** Who stands above and below the agent of the samples. */
export const family = {
  above: [relative('Orchestrator', 0, ['Active', 'yes']), relative('Payments desk', 0, ['Active', 'yes'])],
  below: [
    relative('Invoice reader', 1, ['Active', 'yes']),
    relative('Scan cleaner', 2, ['Active', 'yes']),
    relative('Supplier matcher with a rather long name', 1, ['Suspended', 'stop']),
  ],
  more: 'and 12 more',
  room: 'It may enrol 3 more agents below itself, 2 generations deep.',
};
