/** Which metadata documents are taken: from everywhere, from listed hosts, or none. */
export interface DocumentPolicy {
  readonly mode: 'open' | 'allow_list' | 'off';
  /** Host names in lower case; one counts for itself and what lies below it. */
  readonly domains: readonly string[];
}

/** Whether a host name is in the list. */
function isListed(hostname: string, domains: readonly string[]): boolean {
  return domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`));
}

/**
 * Whether documents of this host are taken. `isApproved`: an administrator named this very address, which counts like an entry of
 * the list; nothing counts while documents are off.
 */
export function isWelcome(hostname: string, policy: DocumentPolicy, document: { readonly isApproved: boolean }): boolean {
  if (policy.mode === 'off') return false;
  return policy.mode === 'open' || document.isApproved || isListed(hostname, policy.domains);
}
