import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isInRanges, parseRange } from './address-ranges.ts';

/** The addresses whose word about the original request is believed. */
export interface TrustedProxies {
  /** Whether `address` (as `socket.remoteAddress` tells it) lies in one of the ranges; an unknown address never does. */
  includes(address: string | undefined): boolean;
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
  return { includes: (address) => isInRanges(address, ranges) };
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
