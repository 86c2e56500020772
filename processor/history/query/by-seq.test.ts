import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KiB, MiB } from '#stack/base/units.ts'
import { bySeq } from './by-seq.ts'
import type { SeqRange } from './by-seq.ts'

interface Row {
  seq: number
  bytes: number
}

/** Asked of the rows; how much each question gave. */
async function read(rows: readonly Row[], range: SeqRange) {
  const questions: { rows: number; bytes: number }[] = []
  const seqs: number[] = []
  const within = (afterSeq: number, toSeq: number) =>
    rows.filter(({ seq }) => seq > afterSeq && seq <= toSeq)
  const pieceOf = (part: readonly Row[]) => ({
    rows: part.length,
    bytes: part.reduce((sum, { bytes }) => sum + bytes, 0),
    piece: part.map(({ seq }) => seq),
  })
  const pieces = bySeq(range, {
    lastOf: async (afterSeq, toSeq, count) => within(afterSeq, toSeq)[count - 1]?.seq,
    async *rows(afterSeq, toSeq) {
      const found = within(afterSeq, toSeq)
      questions.push(pieceOf(found))
      // Two pieces, as DuckDB gives more than one vector.
      const half = Math.ceil(found.length / 2)
      yield pieceOf(found.slice(0, half))
      yield pieceOf(found.slice(half))
    },
  })
  for await (const piece of pieces) seqs.push(...piece)
  return { seqs, questions }
}

const all = { afterSeq: 0, toSeq: 1e6, limit: 1e9 }

test('every row of the range comes once, in order, and no more of them than asked for', async () => {
  const row = fc.record({ gap: fc.nat(2000), bytes: fc.constantFrom(10, 500, 100 * KiB) })
  const range = fc.record({ afterSeq: fc.nat(5000), toSeq: fc.nat(1e6), limit: fc.nat(400) })
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 300 }), range, async (gaps, wanted) => {
      let seq = 0
      const rows = gaps.map(({ gap, bytes }) => ({ seq: (seq += gap + 1), bytes }))
      const { seqs } = await read(rows, wanted)
      const { afterSeq, toSeq, limit } = wanted
      const inRange = rows.filter((each) => each.seq > afterSeq && each.seq <= toSeq)
      expect(seqs).toEqual(inRange.slice(0, limit).map((each) => each.seq))
    }),
  )
})

test('a question gives a few MiB at most, where rows are heavy and where many come after few', async () => {
  const light = Array.from({ length: 20_000 }, (_, i) => ({ seq: i + 1, bytes: 100 }))
  const heavy = Array.from({ length: 2000 }, (_, i) => ({ seq: 20_001 + i, bytes: 8 * KiB }))
  const sparse = Array.from({ length: 20 }, (_, i) => ({ seq: 30_000 + 20_000 * i, bytes: 100 }))
  const dense = Array.from({ length: 9000 }, (_, i) => ({ seq: 500_000 + i, bytes: 1000 }))
  const { seqs, questions } = await read([...light, ...heavy, ...sparse, ...dense], all)
  expect(seqs.length).toBe(31_020)
  // Light rows give no hint that heavy ones follow.
  const most = questions.map(({ bytes }) => bytes).sort((a, b) => b - a)
  expect(most[0]).toBeLessThan(4000 * 8 * KiB)
  expect(most[2]).toBeLessThan(3 * MiB)
  expect(questions.length).toBeLessThan(120)
})
