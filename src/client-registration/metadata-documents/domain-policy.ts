/** Which metadata documents are taken: from everywhere, from listed hosts, or none. */
export interface DocumentPolicy {
  readonly mode: 'open' | 'allow_list' | 'off';
  /** `example.com` is that host alone, `*.example.com` every host below it. */
  readonly domains: readonly string[];
}

/** Whether a host name is in the list. */
function isListed(hostname: string, domains: readonly string[]): boolean {
  return domains.some((domain) => {
    const name = domain.toLowerCase();
    return name.startsWith('*.') ? hostname.endsWith(name.slice(1)) : hostname === name;
  });
}

/**
 * Whether documents of this host are taken. `isApproved`: an administrator named this very address, which counts like an entry of
 * the list; nothing counts while documents are off.
 */
export function isWelcome(hostname: string, policy: DocumentPolicy, document: { readonly isApproved: boolean }): boolean {
  if (policy.mode === 'off') return false;
  return policy.mode === 'open' || document.isApproved || isListed(hostname, policy.domains);
}
