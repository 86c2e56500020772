// How far each topic was read, and which outcomes the input's positions had: kept in the transaction of the rows, and
// read back at start. A few dozen numbers in all, so they are one text in the one row of `history`.

import type { DuckDBConnection } from '@duckdb/node-api'
import { topics } from '#stack/contract/topics.ts'
import type { Position } from '#stack/kafka-client/records.ts'
import { InputLedger } from './input-ledger.ts'
import type { PartitionOutcomes } from './input-ledger.ts'
import { numbers, plainRows } from './sql.ts'

interface Progress {
  positions: Position[]
  /** Of the input, per partition: every offset below `completeTo` has its outcome; further ones are in the tables. */
  inputs: PartitionOutcomes[]
}

export async function saveProgress(
  connection: DuckDBConnection,
  { positions, inputs, lastSeq }: Progress & { lastSeq: number },
): Promise<void> {
  const progress: Progress = { positions, inputs }
  const text = JSON.stringify(progress).replaceAll("'", "''")
  await connection.run(`UPDATE history SET last_seq = ${lastSeq}, progress = '${text}'`)
}

/** As of the last commit. */
export async function readProgress(
  connection: DuckDBConnection,
): Promise<{ positions: Position[]; ledger: InputLedger }> {
  const [row] = await plainRows(connection, 'SELECT progress FROM history')
  const ledger = new InputLedger()
  const text = row?.[0] as string | null | undefined
  if (text === null || text === undefined) return { positions: [], ledger }
  const { positions, inputs }: Progress = JSON.parse(text) as Progress
  for (const outcomes of inputs) {
    const { partition, completeTo } = outcomes
    ledger.restore(outcomes, await offsetsFrom(connection, partition, completeTo))
  }
  return { positions, ledger }
}

async function offsetsFrom(
  connection: DuckDBConnection,
  partition: number,
  from: number,
): Promise<number[]> {
  const input = `_kafka_topic = '${topics.events.name}' AND _kafka_partition = ${partition} AND _kafka_offset >= ${from}`
  const rows = await numbers(
    connection,
    `SELECT _kafka_offset FROM events_stored WHERE ${input}
     UNION ALL SELECT _kafka_offset FROM rejected_events WHERE ${input}
     UNION ALL SELECT "offset" FROM load_ends WHERE "partition" = ${partition} AND "offset" >= ${from}`,
  )
  return rows.map(([offset]) => offset as number)
}
