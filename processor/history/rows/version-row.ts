// Records of keyed topics as versions for `<table>_log`: the record's fields are the table's columns in camelCase. A
// tombstone is a version that is deleted, with nothing but its key.

import type { ColumnType, TableName } from '#stack/contract/tables.ts'
import { tables } from '#stack/contract/tables.ts'
import type { Cell } from '../columns.ts'

export type VersionedTable = 'sessions' | 'carts'

export interface Version {
  cells: Cell[]
  /** Null for a tombstone, which carries none. */
  revision: number | null
  isDeleted: boolean
}

interface Field {
  name: string
  type: ColumnType
}

const fieldsByTable: Record<VersionedTable | 'bridge_errors', Field[]> = {
  sessions: fieldsOf('sessions'),
  carts: fieldsOf('carts'),
  bridge_errors: fieldsOf('bridge_errors'),
}

/** Values in the order of the table's own columns. Fields the record does not have are null. */
export function cellsOf(table: keyof typeof fieldsByTable, record: object): Cell[] {
  const values = record as Record<string, unknown>
  return fieldsByTable[table].map(({ name, type }) => cellOf(values[name], type))
}

export function versionOf(table: VersionedTable, record: object): Version {
  const { revision } = record as { revision: number }
  return { cells: cellsOf(table, record), revision, isDeleted: false }
}

export function tombstoneOf(table: VersionedTable, key: readonly Cell[]): Version {
  const cells = fieldsByTable[table].map((_, i): Cell => key[i] ?? null)
  return { cells, revision: null, isDeleted: true }
}

/** `<cartKey>#<episode>`; a cart key may hold a `#` itself. */
export function cartKeyParts(key: string): [cartKey: string, episode: number] {
  const at = key.lastIndexOf('#')
  return [key.slice(0, at), Number(key.slice(at + 1))]
}

export function cellOf(value: unknown, type: ColumnType): Cell {
  if (value === undefined || value === null) return null
  if (type === 'timestamp') return Date.parse(value as string)
  if (type === 'json') return JSON.stringify(value)
  return value as Cell
}

function fieldsOf(table: TableName): Field[] {
  return Object.entries(tables[table].columns).map(([column, { type }]) => ({
    name: column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    type,
  }))
}
