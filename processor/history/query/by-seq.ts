// A long answer by short questions, one range of `_seq` after the other, each of a few MiB. DuckDB holds a block for every
// long text of the rows that a question is about, and all its memory is the writer's, too: a checkpoint that finds none left
// breaks the database. So it is asked first how far the next rows go; that reads one column.

import { MiB } from '#stack/base/units.ts'

export interface SeqRange {
  afterSeq: number
  toSeq: number
  limit: number
}

export interface SeqPiece<T> {
  rows: number
  bytes: number
  piece: T
}

export interface SeqQuestions<T> {
  /** The `_seq` of the last of the first `rows` rows of a range; undefined if there are fewer. */
  lastOf(afterSeq: number, toSeq: number, rows: number): Promise<number | undefined>
  rows(afterSeq: number, toSeq: number): AsyncGenerator<SeqPiece<T>>
}

const bytesWanted = 2 * MiB
const rowsFirst = 250
const rowsMost = 4000

export async function* bySeq<T>(
  { afterSeq, toSeq, limit }: SeqRange,
  ask: SeqQuestions<T>,
): AsyncGenerator<T> {
  let left = limit
  let rowsMax = rowsFirst
  for (let from = afterSeq; from < toSeq && left > 0;) {
    const count = Math.min(rowsMax, left)
    const isShort = toSeq - from <= count
    const to = isShort ? toSeq : ((await ask.lastOf(from, toSeq, count)) ?? toSeq)
    const found = { rows: 0, bytes: 0 }
    for await (const { rows, bytes, piece } of ask.rows(from, to)) {
      found.rows += rows
      found.bytes += bytes
      yield piece
    }
    left -= found.rows
    from = to
    rowsMax = nextRows(rowsMax, found)
  }
}

/** As many as weigh what is wanted, if they weigh what the last ones did. */
function nextRows(rowsMax: number, { rows, bytes }: { rows: number; bytes: number }): number {
  if (rows === 0) return rowsMax
  const wanted = Math.max(1, Math.floor(bytesWanted / (bytes / rows)))
  return Math.min(wanted, rowsMax * 2, rowsMost)
}
