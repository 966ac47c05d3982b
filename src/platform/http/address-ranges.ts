import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** An address range: its first address and how many leading bits count. */
export type AddressRange = readonly [Address, number];

/** Reads an address or a CIDR range, IPv4 or IPv6. @throws {Error} when it is neither. */
export function parseRange(text: string): AddressRange {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Whether `address` (as `socket.remoteAddress` tells it) lies in one of the ranges; what is no address never does. */
export function isInRanges(address: string | undefined, ranges: readonly AddressRange[]): boolean {
  if (ranges.length === 0 || address === undefined || !ipaddr.isValid(address)) return false;
  const peer = ipaddr.process(address);
  return ranges.some(([base, bits]) => base.kind() === peer.kind() && peer.match([base, bits] as [ipaddr.IPv4, number]));
}

/** How somebody wrote an IPv4 address on purpose; `ipaddr` also takes `1` and `0x7f.1`. */
const DOTTED = /^\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?$/;

/**
 * A range as it is kept and shown: its first address, without bits that do not count, a single address without its length.
 * Undefined when the text is no range, or one that holds every address there is.
 */
export function canonicalRange(text: string): string | undefined {
  try {
    if (!text.includes(':') && !DOTTED.test(text)) return undefined;
    const [address, bits] = parseRange(text);
    if (bits === 0) return undefined;
    if (address.kind() === 'ipv6' && (address as ipaddr.IPv6).isIPv4MappedAddress()) return undefined;
    if (bits === (address.kind() === 'ipv4' ? 32 : 128)) return address.toString();
    const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
    return `${family.networkAddressFromCIDR(`${address.toString()}/${bits}`).toString()}/${bits}`;
  } catch {
    return undefined;
  }
}
