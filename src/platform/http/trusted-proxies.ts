import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

/** The addresses whose word about the original request is believed. */
export interface TrustedProxies {
  /** Whether `address` (as `socket.remoteAddress` tells it) lies in one of the ranges; an unknown address never does. */
  includes(address: string | undefined): boolean;
}

function parseRange(text: string): Range {
  if (text.includes('/')) return ipaddr.parseCIDR(text) as Range;
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Reads a list of addresses and CIDR ranges, IPv4 and IPv6. Throws `Error` naming the entry that is neither. */
export function parseTrustedProxies(list: readonly string[]): TrustedProxies {
  const ranges = list.map((entry) => {
    try {
      return parseRange(entry.trim());
    } catch {
      throw new Error(`trusted proxies: ${JSON.stringify(entry)} is neither an address nor a CIDR range`);
    }
  });
  return {
    includes: (address) => {
      if (ranges.length === 0 || address === undefined || !ipaddr.isValid(address)) return false;
      const peer = ipaddr.process(address);
      return ranges.some(([base, bits]) => base.kind() === peer.kind() && peer.match([base, bits] as [ipaddr.IPv4, number]));
    },
  };
}

/**
 * The address of the caller: the socket's peer, or, while that is a trusted proxy, the entry it added to X-Forwarded-For, from
 * right to left. What stands left of the first stranger is the stranger's own word and is not looked at.
 */
export function clientAddressOf(peer: string | undefined, forwardedFor: string, proxies: TrustedProxies): string {
  let address = peer ?? '';
  const hops = forwardedFor
    .split(',')
    .map((hop) => hop.trim())
    .reverse();
  for (const hop of hops) {
    if (!proxies.includes(address) || !ipaddr.isValid(hop)) break;
    address = hop;
  }
  if (isIPv4(address)) return address;
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : '';
}
