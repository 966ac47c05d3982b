import ipaddr from 'ipaddr.js';

const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/** Where an address leads: out into the world, back to this machine, or somewhere no request of ours goes. */
export type Reach = 'public' | 'loopback' | 'refused';

/**
 * Classifies a literal address. `public` is unicast that no registry sets aside; for IPv6 that is 2000::/3 alone, so mapped,
 * compatible, translated (NAT64, 6to4, Teredo), unique-local, link-local and unassigned forms are refused whatever they embed.
 */
export function reachOf(address: string): Reach {
  if (!ipaddr.isValid(address)) return 'refused';
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range === 'loopback') return 'loopback';
  if (range !== 'unicast') return 'refused';
  if (parsed.kind() === 'ipv6' && !(parsed as ipaddr.IPv6).match(GLOBAL_UNICAST)) return 'refused';
  return 'public';
}
