// Rows of history as lines of JSON that a load job takes. The same row gives the same bytes: columns in their order, JSON in
// its canonical form, and what is null is not there, since BigQuery takes no null for what is repeated.

import { ByteWriter } from '#stack/base/byte-writer.ts'
import { isoTime } from '#stack/base/units.ts'
import { openBrace, quote, textBytes } from '#stack/contract/json-bytes.ts'
import { int64At, isValue, numberAt } from '#stack/contract/row-pages.ts'
import type { PageColumn, RowPage } from '#stack/contract/row-pages.ts'
import type { TableName } from '#stack/contract/tables.ts'
import { CanonicalBytes } from './canonical-bytes.ts'
import { logColumns } from './resources.ts'
import type { Stamp } from './row-encoding.ts'

export class RowLines {
  readonly #writer = new ByteWriter()
  readonly #json = new CanonicalBytes()
  /** `,"column":` */
  readonly #names: Buffer[]

  constructor(name: TableName) {
    this.#names = logColumns(name).map(([column]) => Buffer.from(`,${JSON.stringify(column)}:`))
  }

  /** What the bridge adds to each row of a file, and the end of its line; every row has something before. */
  static stamp({ batch, nowMs }: Stamp): string {
    const added = { _bridge_batch: batch, _ingested_at: isoTime(nowMs) }
    return `,${JSON.stringify(added).slice(1)}\n`
  }

  encode(page: RowPage, row: number, stamp: string): Buffer {
    try {
      this.#write(page, row)
    } catch (error) {
      this.#writer.take()
      throw error
    }
    this.#writer.text(stamp)
    return this.#writer.take()
  }

  /** A row that cannot be sent, as a person can read it. */
  text(page: RowPage, row: number): string {
    try {
      return this.encode(page, row, '}').toString()
    } catch {
      const from = page.textStarts[row] as number
      return page.bytes.toString('utf8', from, from + (page.textBytes[row] as number))
    }
  }

  #write({ columns, bytes, textStarts }: RowPage, row: number): void {
    let from = textStarts[row] as number
    let isFirst = true
    this.#writer.byte(openBrace)
    columns.forEach((column, i) => {
      if (!isValue(column, row)) return
      this.#writer.copy(this.#names[i] as Buffer, isFirst ? 1 : 0)
      isFirst = false
      switch (column.shape) {
        case 'number':
          return this.#writer.text(numberText(column, row))
        case 'truth':
          return this.#writer.text(column.truths[row] === 1 ? 'true' : 'false')
        case 'text': {
          const to = from + (column.lengths[row] as number)
          if (column.type === 'string') this.#text(bytes, from, to)
          else if (column.type === 'json') {
            this.#json.read(bytes, from, to)
            this.#writer.copy(this.#json.bytes, 0, this.#json.length)
          } else this.#writer.copy(bytes, from, to)
          from = to
        }
      }
    })
  }

  #text(bytes: Buffer, from: number, to: number): void {
    let at = from
    while (at < to && textBytes[bytes[at] as number] !== 0) at++
    if (at < to) return this.#writer.text(JSON.stringify(bytes.toString('utf8', from, to)))
    this.#writer.byte(quote)
    this.#writer.copy(bytes, from, to)
    this.#writer.byte(quote)
  }
}

function numberText(column: PageColumn, row: number): string {
  const value = numberAt(column, row)
  if (column.type === 'timestamp') return `"${timeText(value)}"`
  return String(Number.isSafeInteger(value) ? value : int64At(column, row))
}

/** With microseconds where there are any. */
function timeText(micros: number): string {
  const text = isoTime(Math.floor(micros / 1000))
  const rest = micros % 1000
  return rest === 0 ? text : text.replace('Z', `${String((rest + 1000) % 1000).padStart(3, '0')}Z`)
}
