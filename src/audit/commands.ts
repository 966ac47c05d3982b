import type { Command } from '../capability.ts';
import type { AuditService } from './service.ts';

const BROKEN = 1;
const FAULTS = { position: 'an event is missing or moved', digest: 'an event was changed', hash: 'an event was put in between' } as const;

/** `behalf audit verify`: exit code 0 when the chain holds, 1 when it does not. */
export function auditCommands(service: Pick<AuditService, 'verify'>): readonly Command[] {
  return [
    {
      name: 'audit verify',
      about: 'Check that no event was changed, left out or invented.',
      async run({ json, out }) {
        const { verdict, unsealed } = await service.verify();
        if (json) out(JSON.stringify({ ...verdict, unsealed }));
        else if (verdict.intact)
          out(`The audit trail holds: ${verdict.count} events, ${unsealed} not sealed yet, head ${verdict.headHash}.`);
        else out(`The audit trail does not hold: at position ${verdict.brokenAt} ${FAULTS[verdict.fault]}.`);
        return verdict.intact ? 0 : BROKEN;
      },
    },
  ];
}
