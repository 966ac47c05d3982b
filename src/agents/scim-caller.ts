import { AppError } from '../platform/errors.ts';
import type { ApiCaller } from '../platform/http/web.ts';
import { type ScimPrecondition, weakEtag } from '../scim/index.ts';
import type { AgentEditor } from './agent-event.ts';

/** `<issuer>/scim/v2`, where the addresses of resources begin. */
export function scimBaseOf(issuer: URL): string {
  return `${issuer.href.replace(/\/$/, '')}/scim/v2`;
}

/** A person behind the token answers for it themselves; otherwise the client does. */
export function editorOf({ clientId, accountId }: Pick<ApiCaller, 'clientId' | 'accountId'>): AgentEditor {
  const who = accountId === undefined ? ({ kind: 'client', id: clientId } as const) : ({ kind: 'account', id: accountId } as const);
  return { ...who, party: 'provisioner' };
}

/** What a client hears that changes what decides who may act, and as whom (security rule R7). */
export function governanceNeeded(attribute: string): AppError {
  return new AppError('forbidden', `Changing ${attribute} takes the governance right, which this client does not have.`, {
    member: attribute,
  });
}

/** @throws {AppError} `precondition_failed` when the record is not at the version that the client expects. */
export function assertVersion({ version }: { readonly version: number }, { ifMatch }: ScimPrecondition): void {
  if (ifMatch === undefined || ifMatch === weakEtag(version)) return;
  throw new AppError('precondition_failed', 'The resource has changed: read it again and send its new version in If-Match.');
}
