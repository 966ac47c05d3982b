import type { EventStream } from '../platform/http/event-stream.ts';

/** Who is told when approvals change: pages of one person, or pages that show everybody's. */
export interface Feed {
  /** Joins a page until its stream ends. Without an account: hears of every change. */
  join(stream: EventStream, accountId?: string): void;
  /** Something about the approvals of this account changed. */
  tell(accountId: string): void;
  /** Words may have been lost: whoever looks should look again. */
  tellAll(): void;
}

const CHANGE = { event: 'change', data: '1' } as const;

/** The open pages of this server. What changed is not in the message: the page asks for it with the session it has then. */
export function createFeed(): Feed {
  const pages = new Map<EventStream, string | undefined>();
  const send = (isFor: (accountId: string | undefined) => boolean) => {
    for (const [stream, accountId] of [...pages]) if (isFor(accountId)) stream.send(CHANGE);
  };
  return {
    join(stream, accountId) {
      pages.set(stream, accountId);
      stream.onEnd(() => pages.delete(stream));
    },
    tell: (accountId) => send((one) => one === undefined || one === accountId),
    tellAll: () => send(() => true),
  };
}
