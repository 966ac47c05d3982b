import type { Agent } from '../agent.ts';
import type { AgentService } from '../service.ts';
import type { Family } from './present.ts';

type Service = Pick<AgentService, 'lineFrom' | 'below' | 'roomOf' | 'countStoppedWith'>;

/** So many lines of a tree fit a page. */
const SHOWN_BELOW = 50;

/** What the page of an agent shows of its line and its tree. */
export async function familyOf({ id, parentId, status }: Agent, service: Service): Promise<Family> {
  const isStopped = status === 'suspended' || status === 'underReview';
  const [above, { agents, total }, room, stoppedWith] = await Promise.all([
    parentId === undefined ? [] : service.lineFrom(parentId),
    service.below(id, SHOWN_BELOW),
    service.roomOf(id),
    isStopped ? service.countStoppedWith(id) : 0,
  ]);
  return { above, below: agents, total, room: room ?? { children: 0, depth: 0 }, stoppedWith };
}
