// How far each topic was read, and which outcomes the input's positions had: kept in the transaction of the rows, and
// read back at start. A few rows in all, so they are written anew each time.

import type { DuckDBConnection } from '@duckdb/node-api'
import { topics } from '#stack/contract/topics.ts'
import type { Position } from '#stack/kafka-client/records.ts'
import { appendRows } from './columns.ts'
import type { Cell } from './columns.ts'
import { InputLedger } from './input-ledger.ts'
import { numbers, plainRows } from './sql.ts'

export interface Progress {
  positions: Iterable<Position>
  ledger: InputLedger
  lastSeq: number
}

export async function savePositions(
  connection: DuckDBConnection,
  { positions, ledger, lastSeq }: Progress,
): Promise<void> {
  await connection.run(`UPDATE history SET last_seq = ${lastSeq}`)
  await connection.run('DELETE FROM positions')
  const positionRows = [...positions].map(({ topic, partition, offset }): Cell[] => [
    topic,
    partition,
    offset,
  ])
  await appendRows(connection, 'positions', ['string', 'integer', 'integer'], positionRows)
  await connection.run('DELETE FROM inputs')
  const inputRows = ledger
    .snapshot()
    .map((outcomes): Cell[] => [
      outcomes.partition,
      outcomes.completeTo,
      outcomes.enriched,
      outcomes.rejected,
      outcomes.duplicate,
      outcomes.late,
      outcomes.loadEnd,
      outcomes.maxEventMs,
    ])
  await appendRows(connection, 'inputs', inputTypes, inputRows)
}

const inputTypes = [
  'integer',
  'integer',
  'integer',
  'integer',
  'integer',
  'integer',
  'integer',
  'timestamp',
] as const

export async function readPositions(connection: DuckDBConnection): Promise<Position[]> {
  const rows = await plainRows(connection, 'SELECT topic, "partition", next_offset FROM positions')
  return rows.map(([topic, partition, offset]) => ({
    topic: topic as string,
    partition: partition as number,
    offset: offset as number,
  }))
}

/** The ledger as of the last commit; offsets above `complete_to` come from the rows themselves. */
export async function readLedger(connection: DuckDBConnection): Promise<InputLedger> {
  const ledger = new InputLedger()
  const rows = await numbers(
    connection,
    `SELECT "partition", complete_to, enriched, rejected, duplicate, late, load_end, epoch_ms(max_event_time)
     FROM inputs`,
  )
  for (const row of rows) {
    const [partition, completeTo, enriched, rejected, duplicate, late, loadEnd] = row as Seven
    const maxEventMs = (row[7] as number) > 0 ? (row[7] as number) : null
    const above = await offsetsFrom(connection, partition, completeTo)
    ledger.restore(
      { partition, completeTo, enriched, rejected, duplicate, late, loadEnd, maxEventMs },
      above,
    )
  }
  return ledger
}

type Seven = [number, number, number, number, number, number, number]

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
