// The canonical text of a row, twice: computed here from a row of history's read API, and by BigQuery from its columns. Two
// rows are the same if their texts are; sums and exclusive ors of their hashes compare many at once.
//
//   cells in the order of the columns, U+001F between them
//   NULL U+0000 · integers decimal · booleans true, false · times microseconds since 1970 · texts as they are
//   JSON with its members sorted · arrays as JSON, their elements' members in the order of the contract
//
// The hash is the first fifteen hexadecimal digits of MD5 over the UTF-8 bytes, so that it fits into an INT64.

import { hash } from 'node:crypto'
import { structFields } from '#stack/contract/tables.ts'
import type { Column, ColumnType } from '#stack/contract/tables.ts'
import { canonicalJson } from '../tables/canonical-json.ts'
import type { WireRow } from '../history-client.ts'

type Columns = readonly [name: string, column: Column][]

const cellMark = '\u001f'
const nullMark = '\u0000'

/** As GoogleSQL writes them. */
const sqlMark = { cell: `'\\x1f'`, null: `'\\x00'` }

export function canonicalText(row: WireRow, columns: Columns): string {
  let text = ''
  for (const [name, { type }] of columns) text += canonicalCell(row[name], type) + cellMark
  return text
}

export function canonicalCell(value: unknown, type: ColumnType): string {
  // BigQuery knows no null array.
  if (type === 'strings') return JSON.stringify(value ?? [])
  if (type === 'items' || type === 'lines' || type === 'amounts') {
    const names = Object.keys(structFields[type])
    const elements = ((value as WireRow[] | null) ?? []).map((element) =>
      Object.fromEntries(names.map((field) => [field, element[field] ?? null])),
    )
    return JSON.stringify(elements)
  }
  if (value === null || value === undefined) return nullMark
  if (type === 'timestamp') return String(Date.parse(value as string) * 1000)
  return type === 'json' ? canonicalJson(value) : `${value as string | number | boolean}`
}

/** The same text, by BigQuery. */
export function canonicalSql(columns: Columns): string {
  const cells = columns.map(
    ([name, { type }]) => `${canonicalCellSql(name, type)}, ${sqlMark.cell}`,
  )
  return `CONCAT(${cells.join(', ')})`
}

export function canonicalCellSql(name: string, type: ColumnType): string {
  const orNull = (sql: string) => `COALESCE(${sql}, ${sqlMark.null})`
  switch (type) {
    case 'string':
      return orNull(name)
    case 'timestamp':
      return orNull(`CAST(UNIX_MICROS(${name}) AS STRING)`)
    case 'json':
      return `IF(${name} IS NULL, ${sqlMark.null}, TO_JSON_STRING(${name}))`
    case 'strings':
    case 'items':
    case 'lines':
    case 'amounts':
      return `TO_JSON_STRING(${name})`
    case 'integer':
    case 'boolean':
      return orNull(`CAST(${name} AS STRING)`)
  }
}

export function hashSql(text: string): string {
  return `CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(${text})), 1, 15)) AS INT64)`
}

const two32 = 2n ** 32n

/** What many rows come to. In two halves, since a sum of INT64s is no number that JavaScript counts in fast. */
export class Digest {
  rows = 0
  minSeq = Infinity
  maxSeq = -Infinity
  #sumHigh = 0
  #sumLow = 0
  #xorHigh = 0
  #xorLow = 0

  add(seq: number, text: string): void {
    const hex = hash('md5', text)
    const high = parseInt(hex.slice(0, 7), 16)
    const low = parseInt(hex.slice(7, 15), 16)
    this.rows++
    if (seq < this.minSeq) this.minSeq = seq
    if (seq > this.maxSeq) this.maxSeq = seq
    this.#sumHigh += high
    this.#sumLow += low
    this.#xorHigh ^= high
    this.#xorLow ^= low
  }

  get sum(): bigint {
    return BigInt(this.#sumHigh) * two32 + BigInt(this.#sumLow)
  }

  get xor(): bigint {
    return BigInt(this.#xorHigh) * two32 + BigInt(this.#xorLow >>> 0)
  }
}

/** Of one row, as BigQuery's INT64. */
export function hashOf(text: string): bigint {
  return BigInt(`0x${hash('md5', text).slice(0, 15)}`)
}
