// Everything there is: datasets, tables and their rows, in one DuckDB file or in memory. Rows of a table lie in a table of
// DuckDB's called t1, t2, …, so that names are free of DuckDB's rules; what a table is called, its schema and its options
// lie beside them as JSON, written in the same transaction. Writes come one after another, reads beside them.

import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api'
import { DuckDBDataChunk, DuckDBInstance, DuckDBTimestampTZValue } from '@duckdb/node-api'
import type { DomainClock } from '../base/clock.ts'
import { dayMs } from '../base/units.ts'
import { datasetNotFound, notFound, tableNotFound } from './refused.ts'
import type { Field } from './schema.ts'
import { typeOfField } from './schema.ts'
import { macroStatements } from './sql/macros.ts'
import { duckType, quoteName, quoteText } from './sql/types.ts'

export interface Dataset {
  projectId: string
  datasetId: string
  createdMs: number
  modifiedMs: number
  etag: string
  /** What the client may set: labels, description, location, … */
  settings: Record<string, unknown>
}

export interface Table {
  projectId: string
  datasetId: string
  tableId: string
  /** Of DuckDB's table; 0 for a view. */
  id: number
  type: 'TABLE' | 'VIEW' | 'SNAPSHOT'
  fields: Field[]
  createdMs: number
  modifiedMs: number
  etag: string
  view?: { query: string; columns?: string[] }
  timePartitioning?: {
    type: string
    field?: string
    expirationMs?: string
    requirePartitionFilter?: boolean
  }
  rangePartitioning?: { field: string; range: { start: string; end: string; interval: string } }
  clustering?: { fields: string[] }
  settings: Record<string, unknown>
}

export type Kind = 'dataset' | 'table' | 'job' | 'stream' | 'number'

export const datasetKey = (projectId: string, datasetId: string): string =>
  `${projectId}:${datasetId}`
export const tableKey = (projectId: string, datasetId: string, tableId: string): string =>
  `${projectId}:${datasetId}.${tableId}`
export const keyOf = ({ projectId, datasetId, tableId }: Table): string =>
  tableKey(projectId, datasetId, tableId)
export const duckName = (table: { id: number }): string => `t${table.id}`

/** Rows of a table without a partitioning column carry the time they came. */
export const ingestionColumn = '_PARTITIONTIME'
export const isIngestionPartitioned = (table: Table): boolean =>
  table.timePartitioning !== undefined && table.timePartitioning.field === undefined

export interface Write {
  connection: DuckDBConnection
  put(kind: Kind, name: string, config: object): Promise<void>
  remove(kind: Kind, name: string): Promise<void>
  nextId(): Promise<number>
}

export class Warehouse {
  readonly datasets = new Map<string, Dataset>()
  readonly tables = new Map<string, Table>()
  readonly jobs = new Map<string, object>()
  readonly streams = new Map<string, object>()
  readonly clock: DomainClock
  readonly #instance: DuckDBInstance
  readonly #writer: DuckDBConnection
  readonly #idle: DuckDBConnection[] = []
  #last: Promise<unknown> = Promise.resolve()
  #lastId = 0

  private constructor(instance: DuckDBInstance, writer: DuckDBConnection, clock: DomainClock) {
    this.#instance = instance
    this.#writer = writer
    this.clock = clock
  }

  /** A path, or ':memory:'. */
  static async open(path: string, clock: DomainClock): Promise<Warehouse> {
    const instance = await DuckDBInstance.create(path, {
      ...(path === ':memory:' ? inMemory() : inFile),
    })
    const writer = await connected(instance)
    await writer.run(
      'CREATE TABLE IF NOT EXISTS objects (kind VARCHAR NOT NULL, name VARCHAR NOT NULL, config VARCHAR NOT NULL)',
    )
    for (const statement of macroStatements) await writer.run(statement)
    // Each append replaces a row of it.
    await writer.run('CREATE OR REPLACE TABLE objects AS FROM objects')
    const warehouse = new Warehouse(instance, writer, clock)
    await warehouse.#load()
    return warehouse
  }

  async #load(): Promise<void> {
    const reader = await this.#writer.runAndReadAll('SELECT kind, name, config FROM objects')
    for (const [kind, name, config] of reader.getRows() as [Kind, string, string][]) {
      const value = JSON.parse(config) as object
      if (kind === 'number') this.#lastId = (value as { last: number }).last
      else this.#mapOf(kind).set(name, value)
    }
  }

  #mapOf(kind: Kind): Map<string, object> {
    const maps: Record<string, Map<string, object>> = {
      dataset: this.datasets,
      table: this.tables,
      job: this.jobs,
      stream: this.streams,
    }
    return maps[kind] as Map<string, object>
  }

  /** One transaction, alone. What it puts is seen by others when it is committed. */
  write<T>(work: (write: Write) => Promise<T>): Promise<T> {
    const run = async (): Promise<T> => {
      const connection = this.#writer
      const changes: (() => void)[] = []
      let lastId = this.#lastId
      await connection.run('BEGIN')
      try {
        const remove = (kind: Kind, name: string): Promise<unknown> =>
          connection.run(`DELETE FROM objects WHERE kind = '${kind}' AND name = ${quoteText(name)}`)
        const result = await work({
          connection,
          async put(kind, name, config) {
            await remove(kind, name)
            await connection.run(
              `INSERT INTO objects VALUES ('${kind}', ${quoteText(name)}, ${quoteText(JSON.stringify(config))})`,
            )
            changes.push(() => map(kind).set(name, config))
          },
          async remove(kind, name) {
            await remove(kind, name)
            changes.push(() => map(kind).delete(name))
          },
          async nextId() {
            lastId++
            await remove('number', 'last')
            await connection.run(
              `INSERT INTO objects VALUES ('number', 'last', '{"last":${lastId}}')`,
            )
            return lastId
          },
        })
        await connection.run('COMMIT')
        this.#lastId = lastId
        for (const change of changes) change()
        return result
      } catch (error) {
        await connection.run('ROLLBACK')
        throw error
      }
    }
    const map = (kind: Kind): Map<string, object> => this.#mapOf(kind)
    const result = this.#last.then(run, run)
    this.#last = result.catch(() => {})
    return result
  }

  async read<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = this.#idle.pop() ?? (await connected(this.#instance))
    try {
      return await work(connection)
    } finally {
      this.#idle.push(connection)
    }
  }

  dataset(projectId: string, datasetId: string): Dataset {
    const found = this.datasets.get(datasetKey(projectId, datasetId))
    if (!found) throw datasetNotFound(datasetKey(projectId, datasetId))
    return found
  }

  table(projectId: string, datasetId: string, tableId: string): Table {
    const [base = ''] = tableId.split('$')
    const found = this.tables.get(tableKey(projectId, datasetId, base))
    if (found) return found
    if (!this.datasets.has(datasetKey(projectId, datasetId)))
      throw notFound(`Dataset ${datasetKey(projectId, datasetId)}`)
    throw notFound(`Table ${tableKey(projectId, datasetId, base)}`)
  }

  /** As `table`, in a statement's words. */
  tableInQuery(projectId: string, datasetId: string, tableId: string): Table {
    const found = this.tables.get(tableKey(projectId, datasetId, tableId))
    if (found) return found
    if (!this.datasets.has(datasetKey(projectId, datasetId)))
      throw datasetNotFound(datasetKey(projectId, datasetId))
    throw tableNotFound(tableKey(projectId, datasetId, tableId))
  }

  tablesOf(projectId: string, datasetId: string): Table[] {
    return [...this.tables.values()]
      .filter((table) => table.projectId === projectId && table.datasetId === datasetId)
      .sort((a, b) => (a.tableId < b.tableId ? -1 : 1))
  }

  async count(table: Table): Promise<number> {
    if (table.type === 'VIEW') return 0
    const rows = await this.read((connection) =>
      connection.runAndReadAll(`SELECT count(*) FROM ${duckName(table)}`),
    )
    return Number(rows.getRows()[0]?.[0])
  }

  async close(): Promise<void> {
    await this.#last
    for (const connection of this.#idle) connection.closeSync()
    this.#writer.closeSync()
    this.#instance.closeSync()
  }
}

/** What does not fit would be put into the folder this was started in. */
const inMemory = () => ({
  threads: '2',
  memory_limit: '512MB',
  temp_directory: join(tmpdir(), `slipway-bigquery-${process.pid}`),
})

/**
 * What does not fit lies beside the file. Each column of each table keeps a block open, of 256 KiB unless told. Row groups
 * are as long as what came between two checkpoints, and stay so: putting them together takes DuckDB seconds at a time, half
 * of all that it does for rows that come in small appends.
 */
const inFile = {
  threads: '1',
  memory_limit: '128MB',
  default_block_size: '32768',
  max_vacuum_tasks: '0',
}

async function connected(instance: DuckDBInstance): Promise<DuckDBConnection> {
  const connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'`)
  return connection
}

/** The columns of DuckDB's table. */
export function columnList(table: Table): string {
  const columns = table.fields.map(
    (field) =>
      `${quoteName(field.name)} ${duckType(typeOfField(field))}${field.mode === 'REQUIRED' ? ' NOT NULL' : ''}`,
  )
  if (isIngestionPartitioned(table)) columns.push(`${quoteName(ingestionColumn)} TIMESTAMPTZ`)
  return columns.join(', ')
}

export async function createDuckTable({ connection }: Write, table: Table): Promise<void> {
  await connection.run(`CREATE TABLE ${duckName(table)} (${columnList(table)})`)
}

/** Appends rows whose values are in the order of the table's fields. */
export async function appendRows(
  { connection }: Write,
  table: Table,
  rows: DuckDBValue[][],
  cameMs?: number,
): Promise<void> {
  if (rows.length === 0) return
  const appender = await connection.createAppender(duckName(table))
  const types: DuckDBType[] = Array.from({ length: appender.columnCount }, (_, i) =>
    appender.columnType(i),
  )
  const whole = isIngestionPartitioned(table) ? rows.map((row) => [...row, stampOf(cameMs)]) : rows
  for (let from = 0; from < whole.length; from += 2048) {
    const chunk = DuckDBDataChunk.create(types)
    chunk.setRows(whole.slice(from, from + 2048))
    appender.appendDataChunk(chunk)
  }
  appender.flushSync()
  appender.closeSync()
}

function stampOf(ms: number | undefined): DuckDBValue {
  return ms === undefined ? null : new DuckDBTimestampTZValue(BigInt(dayMicros(ms)))
}

/** The day's beginning, as DuckDB's TIMESTAMP. */
export function dayMicros(ms: number): number {
  return (ms - (ms % dayMs)) * 1000
}
