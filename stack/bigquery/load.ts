// The rows of a file on their way into a table: newline-delimited JSON, CSV, Parquet.

import { randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { DuckDBValue } from '@duckdb/node-api'
import { invalid, notImplemented } from './refused.ts'
import { asText, fieldOfType, typeOfField } from './schema.ts'
import type { Field } from './schema.ts'
import { duckType, quoteName, quoteText } from './sql/types.ts'
import type { SqlType } from './sql/types.ts'
import { BadValue, decodeRow } from './values.ts'

export interface LoadOptions {
  sourceFormat: string
  skipLeadingRows: number
  fieldDelimiter: string
  ignoreUnknownValues: boolean
  maxBadRecords: number
  allowJaggedRows: boolean
  nullMarker: string | undefined
}

export interface LoadedRows {
  rows: DuckDBValue[][]
  badRecords: number
}

const unzipped = (body: Buffer): Buffer =>
  body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body

/** What of the file is not Parquet. */
export function readFile(body: Buffer, fields: readonly Field[], options: LoadOptions): LoadedRows {
  const text = unzipped(body).toString('utf8')
  const records =
    options.sourceFormat === 'CSV' ? csvRecords(text, fields, options) : jsonRecords(text)
  const rows: DuckDBValue[][] = []
  let badRecords = 0
  let n = 0
  for (const record of records) {
    n++
    try {
      if (record instanceof Error) throw record
      rows.push(decodeRow(record, fields, { ignoreUnknown: options.ignoreUnknownValues }))
    } catch (error) {
      badRecords++
      if (badRecords > options.maxBadRecords) {
        const isCsv = options.sourceFormat === 'CSV'
        const where = isCsv
          ? ''
          : `JSON parsing error in row starting at position ${positionOf(text, n)}: `
        const message =
          error instanceof BadValue
            ? `${error.message} Field: ${error.location}`
            : (error as Error).message
        throw invalid(
          `Error while reading data, error message: ${isCsv ? 'CSV' : 'JSON'} processing encountered too many errors, giving up. Rows: ${n}; errors: ${badRecords}; max bad: ${options.maxBadRecords}; error percent: 0. ${where}${message}`,
        )
      }
    }
  }
  return { rows, badRecords }
}

function* jsonRecords(text: string): Generator {
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    try {
      yield JSON.parse(line)
    } catch {
      yield new Error(
        `Error while reading data, error message: Failed to parse JSON: ${line.slice(0, 80)}`,
      )
    }
  }
}

/** Of the first byte of the nth row. */
function positionOf(text: string, n: number): number {
  let position = 0
  let rows = 0
  for (const line of text.split('\n')) {
    if (line.trim() !== '' && ++rows === n) break
    position += Buffer.byteLength(line) + 1
  }
  return position
}

/** Cells of each line; null where nothing stands between two delimiters, not even quotes. */
function* csvLines(text: string, delimiter: string): Generator<(string | null)[]> {
  let cells: (string | null)[] = []
  let at = 0
  while (at < text.length) {
    let cell: string | null
    if (text[at] === '"') {
      let end = at + 1
      while (end < text.length && !(text[end] === '"' && text[end + 1] !== '"'))
        end += text[end] === '"' ? 2 : 1
      cell = text.slice(at + 1, end).replaceAll('""', '"')
      at = end + 1
    } else {
      const rest = /[\n\r]/.exec(text.slice(at))
      const lineEnd = rest ? at + rest.index : text.length
      const next = text.indexOf(delimiter, at)
      const end = next < 0 || next > lineEnd ? lineEnd : next
      cell = end === at ? null : text.slice(at, end)
      at = end
    }
    cells.push(cell)
    if (text.startsWith(delimiter, at)) {
      at += delimiter.length
      if (at >= text.length || text[at] === '\n') cells.push(null)
      else continue
    }
    if (text[at] === '\r') at++
    if (text[at] === '\n') at++
    yield cells
    cells = []
  }
}

function* csvRecords(text: string, fields: readonly Field[], options: LoadOptions): Generator {
  let line = 0
  for (const cells of csvLines(text, options.fieldDelimiter)) {
    if (line++ < options.skipLeadingRows || isBlank(cells)) continue
    if (cells.length > fields.length && !options.ignoreUnknownValues) {
      yield new Error(
        `Too many values in row starting at position: ${line}. Found ${cells.length} column(s) while expected ${fields.length}.`,
      )
      continue
    }
    if (cells.length < fields.length && !options.allowJaggedRows) {
      yield new Error(
        `CSV table references column position ${cells.length}, but line contains only ${cells.length} columns.`,
      )
      continue
    }
    yield Object.fromEntries(
      fields.map((field, i) => {
        return [field.name, csvValue(cells[i], field, options)]
      }),
    )
  }
}

const isBlank = (cells: readonly (string | null)[]) => cells.length === 1 && cells[0] === null

/**
 * Nothing at all is NULL, two quotes are a text of no letters. Where NULL has a marker of its own, both are that text.
 * What is no text cannot be empty.
 */
function csvValue(
  cell: string | null | undefined,
  { type }: Field,
  { nullMarker }: LoadOptions,
): string | null {
  if (cell === undefined || cell === nullMarker) return null
  if (cell === '' || cell === null)
    return type === 'STRING' && (cell === '' || nullMarker !== undefined) ? '' : null
  return cell
}

/** A schema for a file that comes without one. */
export function detectFields(
  body: Buffer,
  options: LoadOptions,
): { fields: Field[]; skipLeadingRows: number } {
  const text = unzipped(body).toString('utf8')
  if (options.sourceFormat === 'CSV') {
    const lines = [...csvLines(text, options.fieldDelimiter)]
      .filter((cells) => !isBlank(cells))
      .slice(0, 101)
    const [header = [], ...rest] = lines
    const isHeader = header.every((cell) => detectType(cell ?? '') === 'STRING') && rest.length > 0
    const fields = header.map((cell, i): Field => ({
      name: isHeader ? (cell ?? '').trim().replace(/\W/g, '_') : `string_field_${i}`,
      type: common((isHeader ? rest : lines).map((cells) => detectType(cells[i] ?? ''))),
      mode: 'NULLABLE',
    }))
    return { fields, skipLeadingRows: isHeader ? 1 : options.skipLeadingRows }
  }
  const rows = [...jsonRecords(text)].slice(0, 100)
  if (rows.some((row) => row instanceof Error))
    throw invalid((rows.find((row) => row instanceof Error) as Error).message)
  return { fields: detectObject(rows as Record<string, unknown>[]), skipLeadingRows: 0 }
}

function detectObject(rows: readonly Record<string, unknown>[]): Field[] {
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  return [...names].map((name): Field => {
    const values = rows
      .map((row) => row[name])
      .filter((value) => value !== undefined && value !== null)
    const isArray = values.some(Array.isArray)
    const items = isArray ? values.flat() : values
    const mode = isArray ? 'REPEATED' : 'NULLABLE'
    if (items.some((item) => typeof item === 'object'))
      return {
        name,
        type: 'RECORD',
        mode,
        fields: detectObject(items as Record<string, unknown>[]),
      }
    const types = items.map((item) =>
      typeof item === 'boolean'
        ? 'BOOLEAN'
        : typeof item === 'number'
          ? Number.isInteger(item)
            ? 'INTEGER'
            : 'FLOAT'
          : detectType(asText(item)),
    )
    return { name, type: common(types), mode }
  })
}

function detectType(text: string): string {
  if (text === '') return ''
  if (/^[+-]?\d{1,18}$/.test(text)) return 'INTEGER'
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return 'FLOAT'
  if (/^(true|false)$/i.test(text)) return 'BOOLEAN'
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return 'DATE'
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?UTC|Z|[+-]\d\d:?\d\d)?$/.test(text))
    return 'TIMESTAMP'
  return 'STRING'
}

function common(types: readonly string[]): string {
  const found = new Set(types.filter((type) => type !== ''))
  if (found.size === 0) return 'STRING'
  if (found.size === 1) return [...found][0] as string
  return [...found].every((type) => type === 'INTEGER' || type === 'FLOAT') ? 'FLOAT' : 'STRING'
}

/** Gives the work a SELECT over the file. */
export async function withParquet<T>(
  body: Buffer,
  work: (relation: string) => Promise<T>,
): Promise<T> {
  const path = join(tmpdir(), `slipway-${randomUUID()}.parquet`)
  writeFileSync(path, body)
  try {
    return await work(`read_parquet(${quoteText(path)})`)
  } finally {
    rmSync(path, { force: true })
  }
}

const parquetTypes: [RegExp, SqlType['name']][] = [
  [/^(BIGINT|INTEGER|SMALLINT|TINYINT|UINTEGER|USMALLINT|UTINYINT|UBIGINT)$/, 'INT64'],
  [/^(DOUBLE|FLOAT)$/, 'FLOAT64'],
  [/^BOOLEAN$/, 'BOOL'],
  [/^(VARCHAR|UUID|ENUM.*)$/, 'STRING'],
  [/^BLOB$/, 'BYTES'],
  [/^DATE$/, 'DATE'],
  [/^TIMESTAMP WITH TIME ZONE$/, 'TIMESTAMP'],
  [/^TIMESTAMP/, 'TIMESTAMP'],
  [/^TIME$/, 'TIME'],
  [/^DECIMAL/, 'NUMERIC'],
  [/^JSON$/, 'JSON'],
]

/** The fields of a Parquet file by what DuckDB says its columns are. */
export function parquetFields(columns: readonly [name: string, type: string][]): Field[] {
  return columns.map(([name, text]) => {
    const isArray = text.endsWith('[]')
    const [, found] =
      parquetTypes.find(([pattern]) => pattern.test(isArray ? text.slice(0, -2) : text)) ?? []
    if (found === undefined) throw notImplemented(`a Parquet column of ${text} without a schema`)
    return fieldOfType(name, isArray ? { name: 'ARRAY', of: { name: found } } : { name: found })
  })
}

export function parquetSelect(
  relation: string,
  fields: readonly Field[],
  columns: readonly [name: string, type: string][],
): string {
  const items = fields.map((field) => {
    const own = columns.find(([name]) => name.toLowerCase() === field.name.toLowerCase())
    const to = duckType(typeOfField(field))
    if (!own) return field.mode === 'REPEATED' ? '[]' : `CAST(NULL AS ${to})`
    return `CAST(${quoteName(own[0])} AS ${to})`
  })
  return `SELECT ${items.join(', ')} FROM ${relation}`
}
