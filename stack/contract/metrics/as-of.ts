// The registry's SQL for BigQuery as of one `_seq`: the relations that the texts name become common table expressions
// over the logs up to that number. Texts asked together derive them once, and of the logs only the columns that are
// named are read, which is also what Google bills.

import type { Settings } from '../settings.ts'
import { logName, storedColumns, tableNames } from '../tables.ts'
import type { TableName } from '../tables.ts'
import { bigquery } from './dialect.ts'
import { viewsOf } from './relations.ts'
import type { NamedSql } from './relations.ts'

export interface AsOf {
  epoch: number
  toSeq: number
}

/** One statement for a few texts, each of which has the same columns. */
export function unionAsOf(
  texts: readonly string[],
  { epoch, toSeq }: AsOf,
  { datasetId, settings }: { datasetId: string; settings: Settings },
): string {
  const { views, logs } = neededBy(texts, settings)
  const named = [...texts, ...views.map(({ sql }) => sql)].join('\n')
  const rows = logs.map((name) => {
    // Every column of wide rows that are read many times over is a lot of memory.
    const read = storedColumns(name, 'log')
      .map(([column]) => column)
      .filter((column) => new RegExp(`\\b${column}\\b`).test(named))
    const columns = [...new Set(['_seq', '_epoch', ...read])].join(', ')
    return `${logName(name)} AS (SELECT ${columns} FROM ${datasetId}.${logName(name)} WHERE _epoch = ${epoch} AND _seq <= ${toSeq})`
  })
  const relations = views.map(({ name, sql }) => `${name} AS (${sql})`)
  return `WITH ${[...rows, ...relations].join(',\n')}\n${texts.join('\nUNION ALL\n')}`
}

/** Views and logs that the texts name, and those that these name, in the order in which they are defined. */
function neededBy(
  texts: readonly string[],
  settings: Settings,
): { views: NamedSql[]; logs: TableName[] } {
  const all = viewsOf(bigquery, settings)
  const named = new Set(texts.flatMap(relationsIn))
  const views: NamedSql[] = []
  // Each names only those before it.
  for (const view of all.toReversed()) {
    if (!named.has(view.name)) continue
    views.unshift(view)
    for (const name of relationsIn(view.sql)) named.add(name)
  }
  return { views, logs: tableNames.filter((name) => named.has(logName(name))) }
}

const relationsIn = (sql: string): string[] =>
  [...sql.matchAll(/\b(?:FROM|JOIN) (\w+)/g)].map(([, name]) => name as string)
