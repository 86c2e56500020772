// Rows as JSON, made by DuckDB itself: times as RFC 3339 UTC with milliseconds, integers as numbers, JSON columns and
// arrays as they are, nulls present.

import { derivedEventColumns, storedColumns } from '#stack/contract/tables.ts'
import type { Column, ColumnType, TableName } from '#stack/contract/tables.ts'

/** A JSON object of these columns of `alias`. */
export function wireObject(alias: string, columns: readonly [string, Column][]): string {
  const pairs = columns.map(
    ([name, { type }]) => `'${name}', ${wireValue(`${alias}.${name}`, type)}`,
  )
  return `json_object(${pairs.join(', ')})`
}

/** A JSON array of the same values. */
export function wireArray(alias: string, columns: readonly [string, Column][]): string {
  return `json_array(${columns.map(([name, { type }]) => wireValue(`${alias}.${name}`, type)).join(', ')})`
}

export function wireColumns(
  table: TableName,
  of: 'current' | 'log',
  withDerived: boolean,
): [string, Column][] {
  const stored = storedColumns(table, of)
  return table === 'events' && withDerived
    ? [...stored, ...Object.entries(derivedEventColumns)]
    : stored
}

function wireValue(expression: string, type: ColumnType): string {
  return type === 'timestamp' ? `strftime(${expression}, '%Y-%m-%dT%H:%M:%S.%gZ')` : expression
}
