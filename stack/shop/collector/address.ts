// Addresses of people are cut before anything is stored (events.md 1.6): IPv4 to /24, IPv6 to /48. An IPv4 address in
// IPv6 clothes (::ffff:192.0.2.1) is cut as IPv4.

import { isIPv4, isIPv6 } from 'node:net'

/** Undefined for what is no address. */
export function truncateAddress(address: string): string | undefined {
  const bare = address.trim().replace(/^\[|\]$/g, '')
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1]
  const v4 = mapped ?? bare
  if (isIPv4(v4)) return v4.replace(/\.\d+$/, '.0')
  return isIPv6(bare) ? `${firstGroups(bare).join(':')}::` : undefined
}

/** The first three of the eight groups. */
function firstGroups(address: string): string[] {
  const [head = '', tail = ''] = (address.split('%')[0] ?? '').split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === '' ? [] : tail.split(':')
  // A dotted end stands for two groups.
  const tailGroups = after.length + (tail.includes('.') ? 1 : 0)
  const zeros = Math.max(0, 8 - before.length - tailGroups)
  const groups = address.includes('::')
    ? [...before, ...Array.from({ length: zeros }, () => '0'), ...after]
    : before
  return groups.slice(0, 3).map((group) => Number.parseInt(group, 16).toString(16))
}
