// Rows of history as lines of JSON that a load job takes. The same row gives the same bytes: columns in their order, JSON in
// its canonical form, and what is null is not there, since BigQuery takes no null for what is repeated.

import type { Column, TableName } from '#stack/contract/tables.ts'
import { canonicalJson } from './canonical-json.ts'
import { logColumns } from './resources.ts'
import type { WireRow } from './row-encoding.ts'

export class RowLines {
  readonly #columns: [name: string, prefix: string, type: Column['type']][]

  constructor(name: TableName) {
    this.#columns = logColumns(name).map(([column, { type }]) => [
      column,
      `${JSON.stringify(column)}:`,
      type,
    ])
  }

  /** With what the bridge adds, and the line feed. */
  encode(row: WireRow, stamp: WireRow): Buffer {
    let line = ''
    for (const [column, prefix, type] of this.#columns) {
      const value = row[column] ?? stamp[column]
      if (value === null || value === undefined) continue
      const text = type === 'json' ? canonicalJson(value) : JSON.stringify(value)
      line += line === '' ? prefix + text : `,${prefix}${text}`
    }
    return Buffer.from(`{${line}}\n`)
  }
}
