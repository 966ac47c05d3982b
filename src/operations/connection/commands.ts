import type { Command } from '../../capability.ts';
import { AppError } from '../../platform/errors.ts';
import { report } from '../doctor.ts';
import { kindWords } from './present.ts';
import type { Walk } from './walk.ts';

/** `behalf doctor <mcp-server-url | client_id>`: exit code 1 when something does not work. */
export function connectionCommands(walk: Walk): readonly Command[] {
  return [
    {
      name: 'doctor',
      about: 'Walk the way software takes to a token, from an MCP server or a client, and say where it ends.',
      async run({ args: [text = ''], json, out }) {
        try {
          const { subject, kind, findings } = await walk.examine(text);
          return report(findings, { json, out, about: { subject, kind, words: kindWords(kind) } });
        } catch (error) {
          if (!(error instanceof AppError)) throw error;
          out(json ? JSON.stringify({ error: error.message, member: error.details.member }) : error.message);
          return 1;
        }
      },
    },
  ];
}
