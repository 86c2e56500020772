// What BigQuery holds of the history tables, as data: a log per table with its columns, partitions and clusters, and the
// views over the logs, in the order in which they can be created. `plan` and `apply` make it so, lane B writes rows in
// these columns, verify asks for them.
//
// No log demands a partition filter: the views look for the newest epoch in all of them.

import { viewsOf } from '#stack/contract/metrics/relations.ts'
import { bigquery } from '#stack/contract/metrics/dialect.ts'
import type { Settings } from '#stack/contract/settings.ts'
import {
  logName,
  shippedColumns,
  storedColumns,
  structFields,
  tableNames,
  tables,
} from '#stack/contract/tables.ts'
import type { Column, ColumnType, TableName } from '#stack/contract/tables.ts'

/** A column as BigQuery's API writes it. */
export interface FieldResource {
  name: string
  type: 'STRING' | 'INTEGER' | 'BOOLEAN' | 'TIMESTAMP' | 'JSON' | 'RECORD'
  mode: 'REQUIRED' | 'NULLABLE' | 'REPEATED'
  description?: string
  fields?: FieldResource[]
}

export interface TableResource {
  name: TableName
  /** In BigQuery. */
  tableId: string
  /** In history's read API. */
  source: string
  description: string
  schema: { fields: FieldResource[] }
  timePartitioning: { type: 'DAY'; field: string }
  clustering: { fields: string[] }
}

export interface ViewResource {
  tableId: string
  query: string
}

const scalarTypes = {
  string: 'STRING',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  json: 'JSON',
} as const satisfies Partial<Record<ColumnType, FieldResource['type']>>

/** Whatever is shipped is a log, named so in BigQuery. */
export const tableResources: readonly TableResource[] = tableNames.map((name) => {
  const { kind, key, time, doc } = tables[name]
  return {
    name,
    tableId: logName(name),
    source: kind === 'keyed' ? logName(name) : name,
    description: doc,
    schema: { fields: shippedFields(name) },
    timePartitioning: { type: 'DAY', field: time },
    clustering: { fields: key.slice(0, 4) },
  }
})

export function tableResource(name: TableName): TableResource {
  return tableResources[tableNames.indexOf(name)] as TableResource
}

/** Columns of a log in BigQuery, in the order in which rows are written. */
export function logColumns(name: TableName): [string, Column][] {
  return [...storedColumns(name, 'log'), ...Object.entries(shippedColumns)]
}

function shippedFields(name: TableName): FieldResource[] {
  const { kind, key } = tables[name]
  const own: readonly string[] = Object.keys(tables[name].columns)
  const keys: readonly string[] = key
  return logColumns(name).map(([column, definition]) => {
    // Of a row that was taken back all but the key is null.
    const isEmptied = kind === 'keyed' && own.includes(column) && !keys.includes(column)
    return fieldOf(column, definition, isEmptied || definition.nullable)
  })
}

function fieldOf(name: string, { type, doc }: Column, isNullable: boolean): FieldResource {
  const described = { name, ...(doc !== '' && { description: doc }) }
  if (type === 'strings') return { ...described, type: 'STRING', mode: 'REPEATED' }
  if (type === 'items' || type === 'lines' || type === 'amounts') {
    const fields = Object.entries(structFields[type]).map(([field, of]): FieldResource => ({
      name: field,
      type: scalarTypes[of],
      mode: 'NULLABLE',
    }))
    return { ...described, type: 'RECORD', mode: 'REPEATED', fields }
  }
  return { ...described, type: scalarTypes[type], mode: isNullable ? 'NULLABLE' : 'REQUIRED' }
}

/** The newest epoch by plain names, and what figures are computed from. */
export function viewResources(settings: Settings, datasetId: string): ViewResource[] {
  return viewsOf(bigquery, settings).map(({ name, sql }) => ({
    tableId: name,
    query: qualified(sql, settings, datasetId),
  }))
}

/** A view's names have to say their dataset; the texts of the contract do not know it. */
export function qualified(sql: string, settings: Settings, datasetId: string): string {
  const views = viewsOf(bigquery, settings).map(({ name }) => name)
  const known = new Set([...tableNames.map(logName), ...views])
  return sql.replaceAll(/\b(FROM|JOIN) (\w+)/g, (whole, word: string, name: string) =>
    known.has(name) ? `${word} ${datasetId}.${name}` : whole,
  )
}
