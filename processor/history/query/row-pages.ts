// Rows of a table by column (stack/contract/row-pages.ts), for the bridge, which makes messages or files of them. DuckDB puts
// a row's texts together and counts their bytes; its vectors go into a page as they lie.

import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import { invariant } from '#stack/base/invariant.ts'
import {
  padded,
  pageHeadBytes,
  RowPage,
  shapeOf,
  validityBytes,
  valueBytes,
} from '#stack/contract/row-pages.ts'
import type { Shape } from '#stack/contract/row-pages.ts'
import { storedColumns, structFields } from '#stack/contract/tables.ts'
import type { ColumnType, TableName } from '#stack/contract/tables.ts'
import { copyTextLengths, copyTexts, copyValidity, copyValues } from '#stack/duckdb/chunk-bytes.ts'
import { physicalName } from '../schema.ts'
import { bySeq } from './by-seq.ts'
import type { SeqRange } from './by-seq.ts'
import { lastSeqOf } from './rows.ts'
import type { TableRef } from './rows.ts'

/** In `_seq` order: of what is written once, and of logs. */
export async function* rowPages(
  connection: DuckDBConnection,
  table: TableRef,
  range: SeqRange,
): AsyncGenerator<Buffer> {
  const columns = storedColumns(table.name, table.of).map(([name, { type }]) => ({ name, type }))
  const shapes = columns.map(({ type }) => shapeOf(type))
  const select = `${selectOf(columns)} FROM ${physicalName(table.name, table.of)}`
  const order = new Order(table.name, range.afterSeq)
  yield* bySeq(range, {
    lastOf: lastSeqOf(connection, table),
    async *rows(afterSeq, toSeq) {
      // Rows come as they were appended, and that is the order of `_seq`; to sort them would cost a third more.
      const result = await connection.stream(
        `${select} WHERE _seq > ${afterSeq} AND _seq <= ${toSeq}`,
      )
      for (
        let chunk = await result.fetchChunk();
        chunk?.rowCount;
        chunk = await result.fetchChunk()
      ) {
        const piece = pageOf(chunk, shapes)
        order.check(piece)
        yield { rows: chunk.rowCount, bytes: piece.length, piece }
      }
    },
  })
}

/** Who reads on behind the last `_seq` of a page loses what comes later with a lower one. */
class Order {
  readonly #table: TableName
  #seq: number

  constructor(table: TableName, afterSeq: number) {
    this.#table = table
    this.#seq = afterSeq
  }

  check(bytes: Buffer): void {
    const page = new RowPage(this.#table, bytes)
    for (let row = 0; row < page.rows; row++) {
      const seq = page.seqAt(row)
      invariant(seq > this.#seq, 'rows lie in the order of their _seq')
      this.#seq = seq
    }
  }
}

/** The texts of a row together, then a value for each column: of texts, how many bytes they take. */
function selectOf(columns: readonly { name: string; type: ColumnType }[]): string {
  const isText = ({ type }: { type: ColumnType }) => shapeOf(type) === 'text'
  const texts = columns.filter(isText).map(textOf)
  const values = columns.map((column) =>
    isText(column) ? `strlen(${textOf(column)})::INTEGER` : column.name,
  )
  return `SELECT concat(${texts.join(', ')}), ${values.join(', ')}`
}

function textOf({ name, type }: { name: string; type: ColumnType }): string {
  const isArray = type === 'strings' || type in structFields
  return isArray ? `to_json(${name})::VARCHAR` : `${name}::VARCHAR`
}

function pageOf(chunk: DuckDBDataChunk, shapes: readonly Shape[]): Buffer {
  const rows = chunk.rowCount
  const lengths = new Int32Array(rows)
  copyTextLengths(chunk, 0, lengths)
  const textBytes = lengths.reduce((sum, bytes) => sum + bytes, 0)
  const page = Buffer.allocUnsafeSlow(columnBytes(shapes, rows) + textBytes)
  page.writeUInt32LE(page.length, 0)
  page.writeUInt32LE(rows, 4)
  let at = pageHeadBytes
  const next = (bytes: number): Buffer => page.subarray(at, (at += bytes))
  next(padded(4 * rows)).set(new Uint8Array(lengths.buffer))
  shapes.forEach((shape, i) => {
    copyValidity(chunk, i + 1, next(validityBytes(rows)))
    copyValues(chunk, i + 1, valueBytes[shape], next(padded(valueBytes[shape] * rows)))
  })
  copyTexts(chunk, 0, lengths, next(textBytes))
  return page
}

/** Of a page without its texts. */
function columnBytes(shapes: readonly Shape[], rows: number): number {
  const each = shapes.map((shape) => validityBytes(rows) + padded(valueBytes[shape] * rows))
  return each.reduce((sum, bytes) => sum + bytes, pageHeadBytes + padded(4 * rows))
}
