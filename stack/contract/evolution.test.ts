// Events stay readable (events.md 1.5): the samples beside this file were written by version 1.0 with every field it
// has. They are never edited; a later minor adds a file of its own.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeEvent } from './decode.ts'
import {
  contextFields,
  dataFields,
  eventFields,
  itemFields,
  nameRules,
  requiredFields,
} from './event-fields.ts'
import { eventNames } from './events.ts'
import type { ShopEvent } from './events.ts'

const files = readdirSync(import.meta.dirname).filter((name) => name.startsWith('event-samples-'))
const samples = files.flatMap((file) =>
  readFileSync(join(import.meta.dirname, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ShopEvent),
)

describe('samples of every version', () => {
  test('are events as they were written', () => {
    for (const sample of samples) {
      expect(decodeEvent(JSON.stringify(sample))).toEqual({ ok: true, event: sample })
    }
  })

  test('have every name and every field', () => {
    expect(new Set(samples.map(({ name }) => name))).toEqual(new Set(eventNames))
    const used = (pick: (sample: ShopEvent) => object | undefined) =>
      new Set(samples.flatMap((sample) => Object.keys(pick(sample) ?? {})))
    expect(used((sample) => sample)).toEqual(new Set(Object.keys(eventFields)))
    expect(used(({ context }) => context)).toEqual(new Set(Object.keys(contextFields)))
    const items = used(({ data }) => data.items?.[0])
    expect(items).toEqual(new Set(Object.keys(itemFields)))
    const dataKeys = used(({ name, data }) => (name === 'custom' ? {} : data))
    expect(dataKeys).toEqual(new Set(Object.keys(dataFields)))
  })

  test('stay events without any one field that is not needed, and with fields nobody knows', () => {
    for (const sample of samples) {
      const needed = new Set<string>([...requiredFields, 'name', 'eventTime', 'receivedAt'])
      for (const key of ['anonymousId', 'customName']) needed.add(key)
      const { orderId, currency, fields = [], items, snapshot } = nameRules[sample.name]
      const neededData = new Set<string>(fields)
      if (orderId) neededData.add('orderId')
      if (currency || sample.name === 'refund') neededData.add('currency')
      if (items || snapshot) neededData.add('items')
      if (sample.name === 'identify') needed.add('userId')
      for (const key of Object.keys(sample).filter((each) => !needed.has(each))) {
        expect(accepts({ ...sample, [key]: undefined })).toBe(true)
      }
      for (const key of Object.keys(sample.data).filter((each) => !neededData.has(each))) {
        expect(accepts({ ...sample, data: { ...sample.data, [key]: undefined } })).toBe(true)
      }
      for (const key of neededData) {
        expect(accepts({ ...sample, data: { ...sample.data, [key]: undefined } })).toBe(false)
      }
      expect(
        accepts({
          ...sample,
          schemaVersion: '1.99',
          later: 1,
          data: { ...sample.data, later: [] },
        }),
      ).toBe(true)
    }
  })
})

function accepts(value: object): boolean {
  return decodeEvent(JSON.stringify(value)).ok
}
