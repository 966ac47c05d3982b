import type { AuditRecorder } from '../audit/index.ts';
import type { ArtifactStore } from '../oidc/index.ts';
import { type AskingAgent, type Directory, ownsAgent } from './directory.ts';

/** Whom an agent may ask. */
export interface LoginHints {
  /**
   * The account that a hint names (its id or e-mail address), if this client may ask that person; else undefined. Unknown people,
   * disabled ones and those it may not ask cost the same work and get the same answer, `unknown_user_id` (R11; CIBA Core §13): a
   * client cannot learn from it who has an account here.
   */
  accountOf(clientId: string, hint: string): Promise<string | undefined>;
}

interface LoginHintDeps {
  readonly directory: Pick<Directory, 'accounts' | 'agents'>;
  readonly artifacts: Pick<ArtifactStore, 'listOf'>;
  /** Whether policy names this person for this agent. */
  readonly isNamedByPolicy?: (agent: AskingAgent | undefined, accountId: string) => Promise<boolean>;
  readonly audit: AuditRecorder;
}

const MAX_HINT = 320;
/** Stands for nobody, so that a hint that names nobody is looked at as closely as one that does. */
const NOBODY = 'usr_00000000000000000000000000000000';

/** Whom an agent may ask: who owns it, who consented to it, or whom policy names (R11). */
export function createLoginHints(deps: LoginHintDeps): LoginHints {
  const { directory, artifacts, isNamedByPolicy, audit } = deps;
  const personOf = async (hint: string) => {
    const [byId, byEmail] = await Promise.all([directory.accounts.find(hint), directory.accounts.findByEmail(hint)]);
    return byId ?? byEmail;
  };
  return {
    async accountOf(clientId, hint) {
      const text = hint.slice(0, MAX_HINT);
      const [person, agent] = await Promise.all([personOf(text), directory.agents.findByClient(clientId)]);
      const accountId = person?.id ?? NOBODY;
      const reasons = await Promise.all([
        ownsAgent(directory, accountId, agent?.owner),
        artifacts.listOf('Grant', accountId).then((grants) => grants.some(({ payload }) => payload['clientId'] === clientId)),
        isNamedByPolicy?.(agent, accountId) ?? false,
      ]);
      if (person?.status === 'active' && reasons.includes(true)) return person.id;
      await audit.record({ type: 'token.refused', actor: { kind: 'client', id: clientId }, clientId, cause: 'unknown_user_id' });
      return undefined;
    },
  };
}
