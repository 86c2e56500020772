// An address → country and region, from an mmdb file (the default has countries only). Addresses arrive truncated to
// /24 and /48 (1.6). Private, reserved and documentation ranges are nowhere. An IPv6 address is never asked of an
// IPv4-only file: that would answer with a wrong but plausible record. IPv4 written as ::ffff:a.b.c.d is IPv4.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { BlockList, isIP } from 'node:net'
import { Reader } from 'mmdb-lib'
import type { CountryResponse } from 'mmdb-lib'
import { messageOf, OperatingError } from '#stack/base/errors.ts'
import { BoundedCache } from './bounded-cache.ts'

export interface Place {
  country: string | null
  region: string | null
}

export const nowhere: Place = { country: null, region: null }

export type PlaceOf = (ip: string | undefined) => Place

/** Both layouts in use: flat country files, and MaxMind's own. */
interface GeoRecord {
  country_code?: string
  country?: { iso_code?: string }
  registered_country?: { iso_code?: string }
  subdivisions?: { iso_code?: string }[]
}

/** The CC0 country file from npm; the combined one holds both families. */
export function defaultGeographyPath(): string {
  return createRequire(import.meta.url).resolve(
    '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
  )
}

export function loadGeography(path: string = defaultGeographyPath()): PlaceOf {
  try {
    return createGeography(readFileSync(path))
  } catch (error) {
    throw new OperatingError(`the geography file cannot be read: ${messageOf(error)}`, {
      where: path,
      hint: 'it must be an mmdb file; npm ci restores the default one',
      cause: error,
    })
  }
}

export function createGeography(file: Buffer, entriesMax = 50_000): PlaceOf {
  const reader = new Reader<CountryResponse>(file)
  const hasIpv6 = reader.metadata.ipVersion === 6
  const cache = new BoundedCache<Place>(entriesMax)
  const ask = (text: string): Place => {
    const { ip, family } = familyOf(text)
    if (family === 0 || (family === 6 && !hasIpv6) || isReserved(ip, family)) return nowhere
    // The package's types know MaxMind's layout only.
    const record = reader.get(ip) as GeoRecord | null
    return record === null ? nowhere : placeOf(record)
  }
  return (ip) => (ip === undefined ? nowhere : cache.get(ip, ask))
}

function placeOf(record: GeoRecord): Place {
  return {
    country:
      record.country_code ??
      record.country?.iso_code ??
      record.registered_country?.iso_code ??
      null,
    region: record.subdivisions?.[0]?.iso_code ?? null,
  }
}

function familyOf(text: string): { ip: string; family: number } {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1]
  const ip = mapped ?? text
  return { ip, family: isIP(ip) }
}

/** IANA's special-purpose registries: what no geography can know. */
const reserved = reservedRanges([
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
  ['::', 128],
  ['::1', 128],
  ['100::', 64],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
])

function reservedRanges(ranges: readonly [network: string, prefix: number][]): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of ranges) {
    list.addSubnet(network, prefix, network.includes(':') ? 'ipv6' : 'ipv4')
  }
  return list
}

function isReserved(ip: string, family: number): boolean {
  return reserved.check(ip, family === 6 ? 'ipv6' : 'ipv4')
}
