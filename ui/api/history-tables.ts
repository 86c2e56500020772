// History's tables as it lists them, in one snapshot: of keyed tables the log, which is what the bridge ships, of others
// the table itself.

import { logName, tableNames, tables } from '../../stack/contract/tables.ts'
import type { TableName } from '../../stack/contract/tables.ts'

export interface ListedTable {
  name: string
  rows: number
  maxSeq: number
  oldest: string | null
  newest: string | null
}

export interface ListedTables {
  epoch: number
  maxSeq: number
  of: ReadonlyMap<TableName, ListedTable>
}

/** Rejects where history does not answer in time. */
export async function tablesOfHistory(historyUrl: string, limitMs: number): Promise<ListedTables> {
  const signal = AbortSignal.timeout(limitMs)
  const response = await fetch(`${historyUrl}/v1/tables`, { signal })
  if (!response.ok) throw new Error(`it answered ${response.status}`)
  const listing = (await response.json()) as Omit<ListedTables, 'of'> & { tables: ListedTable[] }
  const of = new Map<TableName, ListedTable>()
  for (const name of tableNames) {
    const source = tables[name].kind === 'keyed' ? logName(name) : name
    const found = listing.tables.find((each) => each.name === source)
    if (found) of.set(name, found)
  }
  return { epoch: listing.epoch, maxSeq: listing.maxSeq, of }
}
