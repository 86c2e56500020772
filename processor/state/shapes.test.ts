// States as bytes: what is written is what is read, whatever the values are.

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { flag, id, list, nullable, number, offset, oneOf, optional, record } from './shapes.ts'
import { text, time, tuple } from './shapes.ts'
import type { Shape } from './shapes.ts'
import { readState } from './state-reader.ts'
import { StateWriter } from './state-writer.ts'

type Maybe<T> = T | null | undefined
type Color = 'red' | 'green'

interface Everything {
  number: Maybe<number>
  time: Maybe<number>
  offset: Maybe<number>
  text: Maybe<string>
  id: Maybe<string>
  flag: Maybe<boolean>
  color: Maybe<Color>
  pair: [string, number]
  inner: { a: string; b: number } | undefined
  other: { a: string } | null
  words: string[]
}

const everything: Shape<Everything> = record<Everything>({
  number: number(),
  time: time(),
  offset: offset(),
  text: text(),
  id: id(),
  flag: flag(),
  color: oneOf<Maybe<Color>>(['red', 'green']),
  pair: tuple<[string, number]>(text(), number()),
  inner: optional(record<{ a: string; b: number }>({ a: text(), b: number() })),
  other: nullable(record<{ a: string }>({ a: id() })),
  words: list(id()),
})
const rows = list(everything)

const words = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }).filter((word) => word.isWellFormed()),
  fc.uuid(),
  fc.uuid().map((uuid) => uuid.toUpperCase()),
  fc.stringMatching(/^[0-9a-f]{32}$/),
  fc.constantFrom('', 'v-1', 'v-12', 'v-1😀', 'v-1😁', 'ключ'),
)
const numbers = fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.maxSafeInteger())

function perhaps<T>(values: fc.Arbitrary<T>): fc.Arbitrary<Maybe<T>> {
  return fc.option(fc.option(values), { nil: undefined })
}

const anything = fc.record({
  number: perhaps(numbers),
  time: perhaps(numbers),
  offset: perhaps(fc.nat()),
  text: perhaps(words),
  id: perhaps(words),
  flag: perhaps(fc.boolean()),
  color: perhaps(fc.constantFrom<Color>('red', 'green')),
  pair: fc.tuple(words, numbers),
  inner: fc.option(fc.record({ a: words, b: numbers }), { nil: undefined }),
  other: fc.option(fc.record({ a: words })),
  words: fc.array(words, { maxLength: 5 }),
})

describe('a state as bytes', () => {
  test('is read as it was written, and one state does not know of another', () => {
    const writer = new StateWriter()
    const kept: [Buffer, Everything[]][] = []
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 6 }), (values) => {
        const bytes = writer.write(rows, values)
        kept.push([bytes, values])
        expect(readState(rows, bytes)).toEqual(values)
      }),
      { numRuns: 500, seed: 20_261_129 },
    )
    for (const [bytes, values] of kept) expect(readState(rows, bytes)).toEqual(values)
  })

  test('may tell more texts than have a number, and be larger than a run of bytes', () => {
    const values = Array.from({ length: 3000 }, (_, i) => `${i % 700}-${'€'.repeat(i % 100)}`)
    const shape = list(text<string>())
    expect(readState(shape, new StateWriter().write(shape, values))).toEqual(values)
  })

  test('takes little for what repeats itself', () => {
    const shape = list(record<{ timeMs: number; url: string }>({ timeMs: time(), url: text() }))
    const values = Array.from({ length: 100 }, (_, i) => ({
      timeMs: 1_772_000_000_000 + i * 1000,
      url: 'https://shop.example/products/1',
    }))
    expect(new StateWriter().write(shape, values).length).toBeLessThan(400)
  })
})
