import type { Command } from '../../capability.ts';
import { AppError } from '../../platform/errors.ts';
import type { AgentEditor } from '../agent-event.ts';
import type { CardOutcome, CardService } from './service.ts';

const OPERATOR: AgentEditor = { kind: 'system', id: 'command-line', party: 'administrator' };

const WORDS = {
  created: ['Would add', 'Added'],
  changed: ['Would note the change of', 'Noted the change of'],
  unchanged: ['Nothing new of', 'Nothing new of'],
} as const satisfies Record<CardOutcome['outcome'], readonly [string, string]>;

function report({ outcome, agent, url, card, members }: CardOutcome, { json, dryRun }: { json: boolean; dryRun: boolean }): string {
  if (json) {
    const id = outcome === 'created' && dryRun ? undefined : agent.id;
    return JSON.stringify({
      outcome,
      dryRun,
      agentId: id,
      url,
      contentHash: card.contentHash,
      changed: members,
      status: agent.status,
      card: card.facts,
    });
  }
  const said = `${WORDS[outcome][dryRun ? 0 : 1]} ${card.facts.name}${outcome === 'created' && dryRun ? '' : ` (${agent.id}, ${agent.status})`}`;
  return `${said} from ${url}${members.length === 0 ? '' : `: ${members.join(', ')}`}.`;
}

/** `behalf import agent-card <url>`: makes an agent of an A2A agent card, or brings the one that came from it up to date. */
export function cardCommands(cards: Pick<CardService, 'add'>): readonly Command[] {
  return [
    {
      name: 'import agent-card',
      about: 'Make a proposed agent of an A2A agent card, or note what changed in it.',
      async run({ args: [url = ''], json, dryRun, settings = {}, out }) {
        try {
          const request = { url, owner: settings['owner'] ?? '', ...(dryRun ? { isDryRun: true as const } : {}) };
          out(report(await cards.add(request, OPERATOR), { json, dryRun }));
          return 0;
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          out(json ? JSON.stringify({ error: error.message, member: error.details.member }) : error.message);
          return 1;
        }
      },
    },
  ];
}
