import type { Command } from '../capability.ts';
import { emailKey } from './account.ts';
import type { AccountService } from './service.ts';

/** What an operator does at the machine itself, when nobody can sign in to do it. */
export function accountCommands(service: Pick<AccountService, 'findByEmail' | 'makeLink'>): readonly Command[] {
  return [
    {
      name: 'account reset-link',
      about: 'Print a one-time link with which a person chooses a new password; passkeys and authenticator app end then.',
      async run({ args, json, dryRun, out }) {
        const account = await service.findByEmail(emailKey(args[0] ?? ''));
        if (account === undefined) {
          out('There is nobody with this email address.');
          return 1;
        }
        if (dryRun) {
          out(`Would make a link for ${account.name} (${account.id}).`);
          return 0;
        }
        const { url, expiresAt } = await service.makeLink(account.id, { kind: 'system', id: 'command-line' });
        out(
          json
            ? JSON.stringify({ accountId: account.id, url, expiresAt: expiresAt.toISOString() })
            : `${url}\nWorks once, until ${expiresAt.toISOString()}.`,
        );
        return 0;
      },
    },
  ];
}
