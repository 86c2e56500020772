// Questions about metrics, answered from the one DuckDB file.

import type { DuckDBConnection } from '@duckdb/node-api'
import { answerMetric as answerFrom } from '#stack/contract/metrics/answer.ts'
import type { MetricRequest } from '#stack/contract/metrics/answer.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import type { MetricAnswer } from '#stack/contract/metrics.ts'
import type { History } from '../history-file.ts'
import { asOfOneCommit, plainRows } from '../sql.ts'

export function answerMetric(
  history: History,
  id: string,
  request: MetricRequest,
  watermarkMs: number | null,
): Promise<MetricAnswer> {
  const { database, settings } = history
  return answerFrom(id, request, {
    dialect: duckdb,
    settings,
    watermarkMs,
    async cells(sql) {
      const rows = await database.read((connection) => rowsOf(connection, sql))
      return rows.map(([part, bucket, dimension, amount]) => ({
        part: part as string,
        bucket: bucket as number,
        dimension: dimension as string | null,
        amount: amount as number | null,
      }))
    },
    asOfSeq: () => history.state.lastSeq,
  })
}

/**
 * One text after the other: DuckDB would hold the hash tables of all of them at once, each of some MiB however little is in
 * it. All of them see the same rows.
 */
function rowsOf(connection: DuckDBConnection, sql: readonly string[]) {
  return asOfOneCommit(connection, async () => {
    const rows = []
    for (const each of sql) rows.push(...(await plainRows(connection, each)))
    return rows
  })
}
