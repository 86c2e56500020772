// The DuckDB schema: the tables of the contract, what history keeps beside them, and the views over both.

import { hashId } from '#stack/contract/ids.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { viewsOf } from '#stack/contract/metrics/relations.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { storedColumns, structFields, tableNames, tables } from '#stack/contract/tables.ts'
import type { ColumnType, TableDefinition, TableName } from '#stack/contract/tables.ts'

const scalar: Record<Exclude<ColumnType, keyof typeof structFields>, string> = {
  string: 'VARCHAR',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  json: 'JSON',
  strings: 'VARCHAR[]',
}

function duckdbType(type: ColumnType): string {
  if (type !== 'items' && type !== 'lines' && type !== 'amounts') return scalar[type]
  const fields = Object.entries(structFields[type]).map(
    ([name, fieldType]) => `"${name}" ${scalar[fieldType]}`,
  )
  return `STRUCT(${fields.join(', ')})[]`
}

/** The physical table behind a table of the contract. */
export function physicalName(name: TableName, of: 'current' | 'log'): string {
  if (name === 'events') return 'events_stored'
  return tables[name].kind === 'keyed' && of === 'log' ? `${name}_log` : name
}

export function columnTypes(name: TableName, of: 'current' | 'log'): ColumnType[] {
  return storedColumns(name, of).map(([, column]) => column.type)
}

function createTable(name: TableName, of: 'current' | 'log'): string {
  const columns = storedColumns(name, of).map(
    ([column, { type }]) => `${column} ${duckdbType(type)}`,
  )
  return `CREATE TABLE IF NOT EXISTS ${physicalName(name, of)} (${columns.join(', ')})`
}

/** Kept beside the tables of the contract. */
const innerTables = [
  // One row: what this file is, and how far it is (positions.ts); in the transaction of the rows.
  'CREATE TABLE IF NOT EXISTS history (epoch BIGINT, print VARCHAR, last_seq BIGINT, progress VARCHAR)',
  // Input positions without an event.
  'CREATE TABLE IF NOT EXISTS load_ends ("partition" BIGINT, "offset" BIGINT)',
  // What orders are folded from.
  'CREATE TABLE IF NOT EXISTS money_facts (order_id VARCHAR, fact VARCHAR)',
  // Catalogue prices of events whose items name none.
  'CREATE TABLE IF NOT EXISTS list_prices (_seq BIGINT, prices VARCHAR)',
  // Every record of cart-abandonment, for the explained timeline of a cart.
  `CREATE TABLE IF NOT EXISTS verdicts (abandonment_id VARCHAR, cart_key VARCHAR, revision BIGINT, record VARCHAR,
    _seq BIGINT, _epoch BIGINT, _kafka_topic VARCHAR, _kafka_partition BIGINT, _kafka_offset BIGINT)`,
  // The last link of each anonymousId, with its place in T3.
  `CREATE TABLE IF NOT EXISTS visitor_links (anonymous_id VARCHAR, user_id VARCHAR, event_time TIMESTAMP,
    producer_seq BIGINT, name VARCHAR, event_id VARCHAR, source VARCHAR)`,
  'CREATE TABLE IF NOT EXISTS bot_visitors (visitor VARCHAR)',
  `CREATE TABLE IF NOT EXISTS activity (quarter TIMESTAMP, anonymous_id VARCHAR, user_id VARCHAR, country VARCHAR,
    device VARCHAR)`,
  `CREATE TABLE IF NOT EXISTS product_interest (quarter TIMESTAMP, product_id VARCHAR, name VARCHAR,
    anonymous_id VARCHAR, user_id VARCHAR)`,
]

/** Every table that an empty file needs, in order. */
export function tableStatements(): string[] {
  const own = tableNames.flatMap((name) => {
    const definition: TableDefinition = tables[name]
    const current = createTable(name, 'current')
    return definition.kind === 'keyed' ? [current, createTable(name, 'log')] : [current]
  })
  return [...own, ...innerTables]
}

/** The views, which cost nothing to make anew at every start. */
export function viewStatements(settings: Settings): string[] {
  return viewsOf(duckdb, settings).map(
    ({ name, sql }) => `CREATE OR REPLACE VIEW ${name} AS ${sql}`,
  )
}

/**
 * What a file was written by: its tables and the rules its rollups follow. A file of another print is read again from
 * the topics, since columns may have come in between and counts may mean something else.
 */
export function schemaPrint(settings: Settings): string {
  return hashId(...tableStatements(), JSON.stringify(settings))
}
