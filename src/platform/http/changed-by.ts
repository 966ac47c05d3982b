import type { ApiCaller, BrowserSession } from './web.ts';

/** Who a change is recorded as. */
export interface Changer {
  readonly kind: 'account' | 'service' | 'client';
  readonly id: string;
}

/** A caller with a token: the person behind it, else the service it speaks as, else its client. */
export function callerAsChanger({ accountId, subjectProfile, subject, clientId }: ApiCaller): Changer {
  if (accountId !== undefined) return { kind: 'account', id: accountId };
  if (subjectProfile === 'service') return { kind: 'service', id: subject };
  return { kind: 'client', id: clientId };
}

/** A person at a page. */
export function personAsChanger({ accountId }: Pick<BrowserSession, 'accountId'>): { readonly kind: 'account'; readonly id: string } {
  return { kind: 'account', id: accountId };
}
