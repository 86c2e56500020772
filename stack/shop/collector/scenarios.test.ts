// The scenarios whose input is raw lines as the collector meets them (events.md 2.8: 50, 51, 58, 59, 63, 65), through
// the mappers. What carts and sessions make of them is for the processor's tests.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Dialect, ShopEvent } from '#stack/contract/events.ts'
import { collect } from './collect.ts'
import type { Rejection } from './collect.ts'
import { parseJson } from './json.ts'

const scenarios = join(process.env['SLIPWAY_SHARED'] ?? '../shared', 'data/scenarios')

interface Line {
  receivedAt: string
  dialect: Dialect
  position: number
  body: unknown
}

function run(scenario: string): { events: ShopEvent[]; rejections: Rejection[] } {
  const text = readFileSync(join(scenarios, scenario, 'input.ndjson'), 'utf8')
  const outcomes = text
    .trim()
    .split('\n')
    .flatMap((line) => {
      const { receivedAt, dialect, position, body } = parseJson(line) as Line
      return collect(dialect, body, { receivedMs: Date.parse(receivedAt), position })
    })
  return {
    events: outcomes.flatMap((outcome) => ('event' in outcome ? [outcome.event] : [])),
    rejections: outcomes.flatMap((outcome) => ('rejection' in outcome ? [outcome.rejection] : [])),
  }
}

describe.skipIf(!existsSync(scenarios))(`scenarios in ${scenarios}`, () => {
  test('50: a clock three hours fast is corrected by sentAt', () => {
    const { events } = run('50')
    expect(events.map(({ eventTime }) => eventTime)).toEqual([
      '2024-05-06T10:00:00.000Z',
      '2024-05-06T10:05:00.000Z',
    ])
    expect(events.every(({ flags }) => flags === undefined)).toBe(true)
  })

  test('51: a time one day ahead becomes the time of receipt, flagged', () => {
    const [ahead, other] = run('51').events
    expect(ahead).toMatchObject({
      eventTime: '2024-05-06T10:00:00.000Z',
      flags: ['timeCorrected'],
    })
    expect(other?.flags).toBeUndefined()
  })

  test('58: the exponent of an amount comes from its currency', () => {
    const prices = run('58').events.map(({ data }) =>
      data.items?.map(({ unitPriceMinor }) => unitPriceMinor),
    )
    expect(prices).toEqual([[1000], [1234], [1999], [10, 20]])
  })

  test('59: digits the currency does not have are rounded, flagged', () => {
    const [event] = run('59').events
    expect(event?.data.items?.[0]?.unitPriceMinor).toBe(3333)
    expect(event?.flags).toEqual(['rounded'])
  })

  test('63: metadata may be the text of an object; a broken text is kept, flagged', () => {
    const [parsed, broken] = run('63').events
    expect(parsed?.flags).toEqual(['derivedId'])
    expect(parsed?.extra).toEqual({ metadata: { colour: 'red' } })
    expect(broken?.flags).toEqual(['badMetadata', 'derivedId'])
    expect(broken?.extra).toEqual({ metadata: '{"colour":' })
    for (const event of [parsed, broken]) {
      expect(event?.data).toEqual({
        items: [{ productId: 'P', quantity: 1, unitPriceMinor: 500 }],
        currency: 'USD',
      })
    }
  })

  test('65: one invalid event of ten is named by its field, nine are accepted', () => {
    const { events, rejections } = run('65')
    expect(events).toHaveLength(9)
    expect(rejections).toMatchObject([{ reason: 'bad_time', field: 'eventTime' }])
  })
})
