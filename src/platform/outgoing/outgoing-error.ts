/** Why a request to somewhere else did not happen or did not count. The list is closed. */
export type OutgoingReason = 'url' | 'address' | 'connection' | 'redirect' | 'too_large' | 'timeout' | 'busy';

const MESSAGES = {
  url: 'The address is not one this server may call: https, without user information.',
  address: 'The host leads to an address this server may not call.',
  connection: 'The host could not be reached.',
  redirect: 'The host answered with a redirect, which is not followed.',
  too_large: 'The answer is too large.',
  timeout: 'The host took too long.',
  busy: 'Too many outgoing requests are under way.',
} as const satisfies Record<OutgoingReason, string>;

/** The failure of an outgoing request: a reason from a closed list; no address, no body, no cause from inside (R21). */
export class OutgoingError extends Error {
  override readonly name = 'OutgoingError';
  readonly reason: OutgoingReason;

  constructor(reason: OutgoingReason) {
    super(MESSAGES[reason]);
    this.reason = reason;
  }
}
