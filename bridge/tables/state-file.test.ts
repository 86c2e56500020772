import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { apply } from './protocol.ts'
import type { Fact, Ship } from './protocol.ts'
import { factsOf, StateFile } from './state-file.ts'

let dir: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-ships-'))
  path = join(dir, 'ships.ndjson')
})
afterEach(() => rmSync(dir, { recursive: true }))

const intent = { offset: 0, rows: 5, seqFrom: 3, seqTo: 9 }
const facts: Fact[] = [
  { fact: 'shipping', epoch: 2, shippedSeq: 0 },
  { fact: 'stream', name: 's', createdMs: 7 },
  { fact: 'intent', ...intent },
]

function written(more: Fact[] = []): StateFile {
  const file = new StateFile(dir)
  for (const fact of [...facts, ...more]) file.record('carts', fact)
  file.close()
  return new StateFile(dir)
}

describe('what was written down', () => {
  test('is known again, the open intent too, and the owner is the same', () => {
    const first = new StateFile(dir)
    for (const fact of facts) first.record('carts', fact)
    first.close()
    const second = new StateFile(dir)
    expect(second.owner).toBe(first.owner)
    expect(second.unknownBecause).toBeUndefined()
    expect(second.ships.get('carts')).toEqual({
      epoch: 2,
      shippedSeq: 0,
      stream: { name: 's', createdMs: 7, next: 0 },
      intent,
      load: null,
      lastLoadMs: 0,
    })
    second.close()
  })

  test('is short after a start, and means the same', () => {
    const more = Array.from({ length: 50 }, (_, i): Fact[] => [
      { fact: 'landed' },
      { fact: 'intent', offset: 5 + i, rows: 1, seqFrom: 10 + i, seqTo: 10 + i },
    ]).flat()
    const again = written(more)
    expect(again.ships.get('carts')).toMatchObject({
      shippedSeq: 58,
      stream: { next: 54 },
      intent: { offset: 54, seqTo: 59 },
    })
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(7)
    again.close()
  })

  test('up to a line that a crash cut off', () => {
    written().close()
    appendFileSync(path, '{"table":"carts","fact":"lan')
    const again = new StateFile(dir)
    expect(again.ships.get('carts')).toMatchObject({ intent })
    again.close()
  })

  test.each([
    ['a line in the middle that is no JSON', (text: string) => text.replace('"fact"', 'fact')],
    ['a table that nobody knows', (text: string) => text.replace('carts', 'cats')],
    [
      'a fact without what it is about',
      (text: string) => text.replace(/.*"stream".*\n/, '').replace(/.*"shipping".*\n/, ''),
    ],
    ['nothing at all', () => ''],
  ])('%s is damage: the file is put aside, and nothing is known', (_what, damage) => {
    written().close()
    writeFileSync(path, damage(readFileSync(path, 'utf8')))
    const again = new StateFile(dir)
    expect(again.ships.size).toBe(0)
    expect(again.unknownBecause).toContain('damaged')
    expect(existsSync(`${path}.damaged`)).toBe(true)
    again.close()
  })
})

test('the shortest facts of any state give that state', () => {
  const nothing = { stream: null, intent: null, load: null, lastLoadMs: 0 }
  const stream = { name: 's', createdMs: 1, next: 0 }
  const load = { id: 'lb_a', retry: 2, rows: 5, seqFrom: 91, seqTo: 99, atMs: 7 }
  const ships: Ship[] = [
    { epoch: 1, shippedSeq: 0, ...nothing },
    { epoch: 1, shippedSeq: 90, ...nothing },
    { epoch: 3, shippedSeq: 90, ...nothing, stream },
    { epoch: 3, shippedSeq: 90, ...nothing, stream: { ...stream, next: 40 } },
    { epoch: 3, shippedSeq: 90, ...nothing, stream: { ...stream, next: 40 }, intent },
    { epoch: 3, shippedSeq: 90, ...nothing, load, lastLoadMs: 7 },
    { epoch: 3, shippedSeq: 90, ...nothing, lastLoadMs: 7 },
    { epoch: 3, shippedSeq: 90, ...nothing, stream: { ...stream, next: 40 }, lastLoadMs: 7 },
  ]
  for (const ship of ships) {
    const folded = factsOf(ship).reduce<Ship | undefined>(
      (known, fact) => apply(known, fact),
      undefined,
    )
    expect(folded).toEqual(ship)
  }
})
