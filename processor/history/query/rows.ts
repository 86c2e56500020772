// Rows of a table as NDJSON, made by DuckDB and handed out a chunk at a time, as fast as the reader takes them. What is
// written once, and the logs, come in `_seq` order by ranges of `_seq`, so that no chunk costs more than its rows; the
// current rows of a keyed table come in key order from one open question.

import type { DuckDBConnection } from '@duckdb/node-api'
import { UsageError } from '#stack/base/errors.ts'
import { invariant } from '#stack/base/invariant.ts'
import { derivedEvents, visitorSql } from '#stack/contract/metrics/derived.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { derivedEventColumns, tableNames, tables } from '#stack/contract/tables.ts'
import type { TableName } from '#stack/contract/tables.ts'
import { physicalName } from '../schema.ts'
import { asOfOneCommit, numbers, plainRows } from '../sql.ts'
import { wireColumns, wireObject } from '../wire.ts'
import { bySeq } from './by-seq.ts'
import type { SeqQuestions, SeqRange } from './by-seq.ts'

export interface TableRef {
  name: TableName
  of: 'current' | 'log'
}

export interface RowRange extends SeqRange {
  /** Of `events`: person, session and cart too, by these settings. */
  derivedBy: Settings | undefined
}

/** `orders` or `orders_log`. */
export function tableRef(text: string): TableRef {
  const isLog = text.endsWith('_log')
  const plain = isLog ? text.slice(0, -'_log'.length) : text
  const name = tableNames.find((each) => each === plain)
  if (name === undefined || (isLog && tables[name].kind !== 'keyed')) {
    throw new UsageError(`there is no table "${text}"`, { hint: `one of ${tableNames.join(', ')}` })
  }
  return { name, of: isLog ? 'log' : 'current' }
}

export function isInKeyOrder({ name, of }: TableRef): boolean {
  return tables[name].kind === 'keyed' && of === 'current'
}

/** Pieces of NDJSON. The connection is used by nobody else until the end. */
export function rowPieces(
  connection: DuckDBConnection,
  table: TableRef,
  range: RowRange,
): AsyncGenerator<string> {
  return isInKeyOrder(table)
    ? piecesByKey(connection, table, range)
    : piecesBySeq(connection, table, range)
}

async function* piecesByKey(
  connection: DuckDBConnection,
  { name, of }: TableRef,
  { afterSeq, toSeq, limit }: RowRange,
): AsyncGenerator<string> {
  const json = wireObject('t', wireColumns(name, of, false))
  const result = await connection.stream(
    `SELECT ${json} FROM ${name} AS t WHERE _seq > ${afterSeq} AND _seq <= ${toSeq}
     ORDER BY ${tables[name].key.join(', ')} LIMIT ${limit}`,
  )
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    yield lines(chunk.getColumnValues(0) as string[])
  }
}

async function* piecesBySeq(
  connection: DuckDBConnection,
  table: TableRef,
  { derivedBy, ...range }: RowRange,
): AsyncGenerator<string> {
  const { name, of } = table
  const placed =
    name === 'events' && derivedBy
      ? new PlacedEvents(connection, derivedBy, range.toSeq)
      : undefined
  const json = wireObject('t', wireColumns(name, of, false))
  yield* bySeq(range, {
    lastOf: lastSeqOf(connection, table),
    async *rows(afterSeq, toSeq) {
      const derived = await placed?.lines(afterSeq, toSeq)
      const stored = await texts(
        connection,
        `SELECT ${json} FROM ${physicalName(name, of)} AS t
         WHERE _seq > ${afterSeq} AND _seq <= ${toSeq} ORDER BY _seq`,
      )
      const piece = lines(derived ? stored.map((line, i) => joined(line, derived[i])) : stored)
      if (stored.length > 0) yield { rows: stored.length, bytes: piece.length, piece }
    },
  })
}

async function texts(connection: DuckDBConnection, sql: string): Promise<string[]> {
  const rows = await plainRows(connection, sql)
  return rows.map(([text]) => text as string)
}

/** Two JSON objects as one. DuckDB would have to hold the long texts of a join, and more than once. */
function joined(one: string, other: string | undefined): string {
  invariant(other, 'of every stored event something is derived')
  return `${one.slice(0, -1)},${other.slice(1)}`
}

export function lastSeqOf(
  connection: DuckDBConnection,
  { name, of }: TableRef,
): SeqQuestions<unknown>['lastOf'] {
  const table = physicalName(name, of)
  return async (afterSeq, toSeq, rows) => {
    const [row] = await numbers(
      connection,
      `SELECT count(*), max(_seq) FROM (
         SELECT _seq FROM ${table} WHERE _seq > ${afterSeq} AND _seq <= ${toSeq} ORDER BY _seq LIMIT ${rows})`,
    )
    const [count, lastSeq] = row as [number, number]
    return count < rows ? undefined : lastSeq
  }
}

/** So many events are derived at a time: all events of their visitors are read for it. */
const placedRows = 50_000

/** What the view `events` derives, in the order of `_seq`. */
class PlacedEvents {
  readonly #connection: DuckDBConnection
  readonly #settings: Settings
  readonly #endSeq: number
  #placedTo = 0

  constructor(connection: DuckDBConnection, settings: Settings, endSeq: number) {
    this.#connection = connection
    this.#settings = settings
    this.#endSeq = endSeq
  }

  async lines(afterSeq: number, toSeq: number): Promise<string[]> {
    if (toSeq > this.#placedTo) await this.#place(afterSeq, toSeq)
    const json = wireObject('p', Object.entries(derivedEventColumns))
    return texts(
      this.#connection,
      `SELECT ${json} FROM placed_events AS p WHERE _seq > ${afterSeq} AND _seq <= ${toSeq} ORDER BY _seq`,
    )
  }

  /** As many as are derived at a time, `toSeq` at least. */
  async #place(afterSeq: number, toSeq: number): Promise<void> {
    const lastOf = lastSeqOf(this.#connection, { name: 'events', of: 'current' })
    const enough = (await lastOf(afterSeq, this.#endSeq, placedRows)) ?? this.#endSeq
    this.#placedTo = Math.max(toSeq, enough)
    const isPlaced = `_seq > ${afterSeq} AND _seq <= ${this.#placedTo}`
    await this.#connection.run(
      `CREATE OR REPLACE TEMP TABLE placed_visitors AS
       SELECT DISTINCT ${visitorSql('e')} AS visitor FROM events_stored AS e WHERE ${isPlaced}`,
    )
    const ofTheirs = (table: string) =>
      `(SELECT r.* FROM ${table} AS r WHERE ${visitorSql('r')} IN (SELECT visitor FROM placed_visitors))`
    const sources = { events: ofTheirs('events_stored'), sessions: ofTheirs('sessions') }
    await this.#connection.run(
      `CREATE OR REPLACE TEMP TABLE placed_events AS
       SELECT * FROM (${derivedEvents(duckdb, this.#settings, sources)}) AS d WHERE ${isPlaced}`,
    )
  }
}

function lines(rows: readonly string[]): string {
  return rows.length === 0 ? '' : `${rows.join('\n')}\n`
}

export interface TableListing {
  name: string
  kind: 'once' | 'keyed'
  key: readonly string[]
  columns: { name: string; type: string; nullable: boolean; doc: string }[]
  rows: number
  maxSeq: number
  oldest: string | null
  newest: string | null
}

/** All of them as of one commit, so that their counts belong together. */
export async function listTables(connection: DuckDBConnection): Promise<TableListing[]> {
  return asOfOneCommit(connection, async () => {
    const listings: TableListing[] = []
    for (const name of tableNames) {
      const { kind } = tables[name]
      for (const of of kind === 'keyed' ? (['current', 'log'] as const) : (['current'] as const)) {
        listings.push(await listTable(connection, { name, of }))
      }
    }
    return listings
  })
}

async function listTable(
  connection: DuckDBConnection,
  { name, of }: TableRef,
): Promise<TableListing> {
  const { kind, key, time } = tables[name]
  const physical = physicalName(name, of)
  const [row] = await numbers(
    connection,
    `SELECT count(*), coalesce(max(_seq), 0), coalesce(epoch_ms(min(${time})), -1), coalesce(epoch_ms(max(${time})), -1)
     FROM ${physical}`,
  )
  const [rows = 0, maxSeq = 0, oldestMs = -1, newestMs = -1] = row ?? []
  const iso = (ms: number) => (ms < 0 ? null : new Date(ms).toISOString())
  return {
    name: of === 'log' ? `${name}_log` : name,
    kind: of === 'log' ? 'once' : kind,
    key,
    columns: wireColumns(name, of, true).map(([column, { type, nullable, doc }]) => ({
      name: column,
      type,
      nullable,
      doc,
    })),
    rows,
    maxSeq,
    oldest: iso(oldestMs),
    newest: iso(newestMs),
  }
}
