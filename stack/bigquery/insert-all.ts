// tabledata.insertAll: rows one by one, refused one by one, and sorted out by insertId for a minute.

import type { DuckDBValue } from '@duckdb/node-api'
import { minuteMs } from '../base/units.ts'
import { invalid } from './refused.ts'
import { BadValue, decodeRow } from './values.ts'
import { appendRows, createDuckTable, keyOf, tableKey } from './warehouse.ts'
import type { Table, Warehouse } from './warehouse.ts'

const seenIds = new WeakMap<Warehouse, Map<string, number>>()

interface Row {
  insertId?: string
  json?: Record<string, unknown>
}

export async function insertAll(
  warehouse: Warehouse,
  { projectId, datasetId, tableId }: { projectId: string; datasetId: string; tableId: string },
  request: Record<string, unknown>,
): Promise<object> {
  const {
    rows = [],
    skipInvalidRows = false,
    ignoreUnknownValues = false,
    templateSuffix,
  } = request as {
    rows?: Row[]
    skipInvalidRows?: boolean
    ignoreUnknownValues?: boolean
    templateSuffix?: string
  }
  const kind = 'bigquery#tableDataInsertAllResponse'
  const base = warehouse.table(projectId, datasetId, tableId)
  if (base.type !== 'TABLE') throw invalid(`Cannot insert rows into a table of type ${base.type}.`)
  if (rows.length === 0) throw invalid('No rows present in the request.')
  const table =
    templateSuffix === undefined ? base : await fromTemplate(warehouse, base, templateSuffix)
  const nowMs = warehouse.clock.now()
  const seen = freshIds(warehouse, nowMs)
  const insertErrors: { index: number; errors: object[] }[] = []
  const good: { row: DuckDBValue[]; id: string | undefined }[] = []
  for (const [index, { insertId, json }] of rows.entries()) {
    try {
      const row = decodeRow(json, table.fields, { ignoreUnknown: ignoreUnknownValues })
      good.push({ row, id: insertId === undefined ? undefined : `${keyOf(table)} ${insertId}` })
    } catch (error) {
      if (!(error instanceof BadValue)) throw error
      insertErrors.push({
        index,
        errors: [
          { reason: 'invalid', location: error.location, debugInfo: '', message: error.message },
        ],
      })
    }
  }
  if (insertErrors.length > 0 && !skipInvalidRows) {
    const bad = new Set(insertErrors.map(({ index }) => index))
    const stopped = rows.flatMap((_, index) =>
      bad.has(index)
        ? []
        : [{ index, errors: [{ reason: 'stopped', location: '', debugInfo: '', message: '' }] }],
    )
    return { kind, insertErrors: [...insertErrors, ...stopped].sort((a, b) => a.index - b.index) }
  }
  const ids = new Set<string>()
  const fresh = good.filter(({ id }) => {
    if (id === undefined) return true
    if (seen.has(id) || ids.has(id)) return false
    ids.add(id)
    return true
  })
  await warehouse.write((write) =>
    appendRows(
      write,
      table,
      fresh.map(({ row }) => row),
      nowMs,
    ),
  )
  for (const id of ids) seen.set(id, nowMs)
  return { kind, ...(insertErrors.length > 0 && { insertErrors }) }
}

function freshIds(warehouse: Warehouse, nowMs: number): Map<string, number> {
  let seen = seenIds.get(warehouse)
  if (!seen) seenIds.set(warehouse, (seen = new Map()))
  for (const [id, atMs] of seen) {
    if (nowMs - atMs <= minuteMs) break
    seen.delete(id)
  }
  return seen
}

async function fromTemplate(warehouse: Warehouse, base: Table, suffix: string): Promise<Table> {
  const tableId = base.tableId + suffix
  const key = tableKey(base.projectId, base.datasetId, tableId)
  const existing = warehouse.tables.get(key)
  if (existing) return existing
  return warehouse.write(async (write) => {
    const table = { ...base, tableId, id: await write.nextId() }
    await createDuckTable(write, table)
    await write.put('table', key, table)
    return table
  })
}
