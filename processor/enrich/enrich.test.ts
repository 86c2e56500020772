// What enrichment answers, against data that others published: MaxMind's own test networks, real user agents.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import UserAgent from 'user-agents'
import { createCatalogue } from '#stack/contract/catalogue.ts'
import type { EventName } from '#stack/contract/events.ts'
import { createAgentReader } from './agent.ts'
import { BoundedCache } from './bounded-cache.ts'
import { createEnricher } from './enricher.ts'
import { createGeography, loadGeography, nowhere } from './geography.ts'

const maxmind = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data/maxmind-test')

describe.skipIf(!existsSync(maxmind))(`the networks in ${maxmind}`, () => {
  test('have the country and region that the database was built from', () => {
    const placeOf = createGeography(readFileSync(join(maxmind, 'GeoIP2-City-Test.mmdb')))
    const networks = Object.assign(
      {},
      ...(JSON.parse(readFileSync(join(maxmind, 'GeoIP2-City-Test.json'), 'utf8')) as object[]),
    ) as Record<string, Network>
    const checked = Object.entries(networks).filter(([network]) => !isReserved(network))
    expect(checked.length).toBeGreaterThan(200)
    const wrong = checked.filter(([network, { country, registered_country, subdivisions }]) => {
      const place = placeOf(network.split('/')[0] ?? '')
      const expected = country?.iso_code ?? registered_country?.iso_code ?? null
      const region = subdivisions?.[0]?.iso_code ?? null
      return place.country !== expected || place.region !== region
    })
    expect(wrong.map(([network]) => network)).toEqual([])
  })
})

interface Network {
  country?: { iso_code?: string }
  registered_country?: { iso_code?: string }
  subdivisions?: { iso_code?: string }[]
}

/** Ranges that mean nobody in particular are nowhere to us, whatever a test database says of them. */
function isReserved(network: string): boolean {
  return /^(::1\.1\.1\.1|2001:db8:)/i.test(network)
}

describe('geography', () => {
  const placeOf = loadGeography()
  test('knows public addresses of both families, and IPv4 in the clothes of IPv6', () => {
    expect(placeOf('81.2.69.0').country).toBe('GB')
    expect(placeOf('::ffff:81.2.69.0').country).toBe('GB')
    expect(placeOf('2001:4860:4860::').country).toBe('US')
  })
  test('is nowhere for private and documentation ranges, for nonsense and for nothing', () => {
    for (const ip of [
      '10.1.2.0',
      '192.168.0.0',
      '127.0.0.1',
      '192.0.2.0',
      '::1',
      'fd00::',
      '2001:db8::',
      'x',
    ]) {
      expect(placeOf(ip)).toEqual(nowhere)
    }
    expect(placeOf(undefined)).toEqual(nowhere)
  })
  test('never asks an IPv4-only file for an IPv6 address', () => {
    const file = loadGeographyFile('geo-whois-asn-country-ipv4.mmdb')
    const ofIpv4 = createGeography(file)
    expect(ofIpv4('81.2.69.0').country).toBe('GB')
    expect(ofIpv4('2001:4860:4860::')).toEqual(nowhere)
  })
})

function loadGeographyFile(name: string): Buffer {
  const folder = '../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb'
  return readFileSync(new URL(`${folder}/${name}`, import.meta.url))
}

describe('a user agent', () => {
  const read = createAgentReader()
  test('tells device, browser and system', () => {
    const phone =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'
    expect(read(phone)).toEqual({
      isBot: false,
      device: 'mobile',
      browser: 'Mobile Safari',
      os: 'iOS',
    })
    const desktop = 'Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0'
    expect(read(desktop)).toMatchObject({ device: 'desktop', browser: 'Firefox', os: 'Linux' })
  })
  test('of a crawler is a bot, those of people are not', () => {
    expect(
      read('Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)').isBot,
    ).toBe(true)
    const people = Array.from({ length: 200 }, () => new UserAgent().toString())
    expect(people.filter((agent) => read(agent).isBot)).toEqual([])
  })
  test('that is absent says nothing', () => {
    expect(read(undefined)).toEqual({ isBot: false, device: null, browser: null, os: null })
  })
})

describe('the list price', () => {
  const catalogue = createCatalogue([
    { productId: 'P', unitPriceMinor: 100, currency: 'EUR' },
    { productId: 'P', unitPriceMinor: 120, currency: 'EUR', validFrom: '2026-03-01T00:00:00.000Z' },
  ])
  const enrich = createEnricher({ catalogue, placeOf: () => nowhere })
  const prices = (timeMs: number, ...productIds: string[]) => {
    const data = { items: productIds.map((productId) => ({ productId })), currency: 'EUR' }
    return enrich({ name: 'purchase', ip: undefined, userAgent: undefined, data, timeMs })
      .listPrices
  }
  const changeMs = Date.parse('2026-03-01T00:00:00.000Z')

  test('is the one that held at the time of the event, to the millisecond', () => {
    expect(prices(changeMs - 1, 'P', 'X')?.[0]?.unitPriceMinor).toBe(100)
    expect(prices(changeMs, 'P', 'X')?.[0]?.unitPriceMinor).toBe(120)
  })
  test('is null for what the catalogue does not know, and absent where it knows nothing', () => {
    expect(prices(changeMs, 'P', 'X')?.[1]).toBeNull()
    expect(prices(changeMs, 'X')).toBeUndefined()
  })
})

describe('what the catalogue calls a product', () => {
  const named = { name: 'Kettle', brand: 'Oak', category: 'Galley/Pots' }
  const catalogue = createCatalogue([
    { productId: 'P', ...named, unitPriceMinor: 100, currency: 'EUR' },
  ])
  const enrich = createEnricher({ catalogue, placeOf: () => nowhere })
  const products = (name: EventName, ...productIds: string[]) => {
    const data = { items: productIds.map((productId) => ({ productId })) }
    return enrich({ name, ip: undefined, userAgent: undefined, data, timeMs: 0 }).products
  }

  test('goes with a purchase, item by item, and with nothing else', () => {
    expect(products('purchase', 'X', 'P')).toEqual([null, named])
    expect(products('add_to_cart', 'P')).toBeUndefined()
  })
  test('is absent where the catalogue knows none of them', () => {
    expect(products('purchase', 'X')).toBeUndefined()
  })
})

test('a bounded cache asks again for what it has forgotten, and never holds more than its bound', () => {
  const asked: string[] = []
  const cache = new BoundedCache<string>(4)
  const ask = (key: string): string => {
    asked.push(key)
    return key.toUpperCase()
  }
  expect(['a', 'b', 'a', 'c', 'd', 'e', 'a'].map((key) => cache.get(key, ask))).toEqual([
    'A',
    'B',
    'A',
    'C',
    'D',
    'E',
    'A',
  ])
  expect(asked).toEqual(['a', 'b', 'c', 'd', 'e', 'a'])
})
