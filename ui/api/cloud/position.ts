// How far each side is: the newest row of every log in BigQuery and of every table of history, and from these whether
// the cloud is behind, by how many rows and how much event time. Rows of one `_seq` are the same on both sides, so a
// figure as of a number that the cloud has reached can be compared with history's.

import type { Clock } from '../../../stack/base/clock.ts'
import { secondMs } from '../../../stack/base/units.ts'
import type { Settings } from '../../../stack/contract/settings.ts'
import { logName, tableNames } from '../../../stack/contract/tables.ts'
import type { TableName } from '../../../stack/contract/tables.ts'
import type { BigQueryClients } from '../../../stack/google/bigquery.ts'
import { tablesOfHistory } from '../history-tables.ts'
import { withinLimit } from './reading.ts'

/** Of one side. */
export interface Position {
  epoch: number
  maxSeq: number
  /** Newest `_seq` of each log; 0 without a row. */
  seqs: Record<TableName, number>
  oldestEventMs: number | null
  newestEventMs: number | null
}

export interface CloudPosition extends Position {
  /** T2 as far as its rows tell it: by the slowest partition that is not idle. */
  watermarkMs: number | null
}

/** What the cloud does not have yet; zeros where it has everything. */
export interface Behind {
  /** Of all tables, from where the table that is furthest behind stands. */
  rows: number
  ms: number
  /** History was rebuilt, and the cloud holds rows of before. */
  isOtherEpoch: boolean
}

interface PositionRow {
  name: TableName
  epoch: number
  partition: number
  seq: number
  oldest: number | null
  newest: number | null
}

/** Undefined: not one row is there. */
export async function positionOfCloud(
  client: BigQueryClients['client'],
  datasetId: string,
  { clock, settings }: { clock: Clock; settings: Settings },
): Promise<CloudPosition | undefined> {
  const texts = tableNames.map((name) => {
    const end = (which: string) =>
      name === 'events' ? `UNIX_MILLIS(${which}(event_time))` : 'NULL'
    return `SELECT '${name}' AS name, _epoch AS epoch, _kafka_partition AS \`partition\`, MAX(_seq) AS seq, ${end('MIN')} AS oldest, ${end('MAX')} AS newest
      FROM ${datasetId}.${logName(name)} GROUP BY _epoch, _kafka_partition`
  })
  const [rows] = await withinLimit(client.query({ query: texts.join('\nUNION ALL\n') }), clock)
  return newestEpoch(rows as PositionRow[], settings)
}

export function newestEpoch(
  all: readonly PositionRow[],
  { idleTimeoutMs, watermarkDelayMs }: Settings,
): CloudPosition | undefined {
  if (all.length === 0) return undefined
  const epoch = Math.max(...all.map((row) => row.epoch))
  const rows = all.filter((row) => row.epoch === epoch)
  const seqs = Object.fromEntries(
    tableNames.map((name) => [name, mostOf(rows.filter((row) => row.name === name))]),
  ) as Record<TableName, number>
  const ends = rows.filter((row) => row.newest !== null)
  const newest = ends.map((row) => row.newest as number)
  const newestEventMs = newest.length === 0 ? null : Math.max(...newest)
  const active = newest.filter((ms) => ms > (newestEventMs ?? 0) - idleTimeoutMs)
  return {
    epoch,
    maxSeq: mostOf(rows),
    seqs,
    oldestEventMs: ends.length === 0 ? null : Math.min(...ends.map((row) => row.oldest as number)),
    newestEventMs,
    watermarkMs: active.length === 0 ? null : Math.min(...active) - watermarkDelayMs,
  }
}

const mostOf = (rows: readonly PositionRow[]): number =>
  rows.reduce((most, { seq }) => Math.max(most, seq), 0)

const historyLimitMs = 5 * secondMs

/** Undefined: history does not answer. */
export async function positionOfHistory(historyUrl: string): Promise<Position | undefined> {
  try {
    const { epoch, maxSeq, of } = await tablesOfHistory(historyUrl, historyLimitMs)
    const seqs = Object.fromEntries(
      tableNames.map((name) => [name, of.get(name)?.maxSeq ?? 0]),
    ) as Record<TableName, number>
    const ms = (text: string | null | undefined) => (text ? Date.parse(text) : null)
    const events = of.get('events')
    return {
      epoch,
      maxSeq,
      seqs,
      oldestEventMs: ms(events?.oldest),
      newestEventMs: ms(events?.newest),
    }
  } catch {
    return undefined
  }
}

/** `toSeq`: only up to this row. */
export function behindOf(cloud: Position, history: Position, toSeq = Infinity): Behind {
  const isOtherEpoch = cloud.epoch !== history.epoch
  // Tables travel by themselves: the one furthest behind tells.
  const gaps = tableNames.map((name) => Math.min(toSeq, history.seqs[name]) - cloud.seqs[name])
  const rows = Math.max(0, ...gaps)
  const isBehind = rows > 0 || isOtherEpoch
  const ms = isBehind ? (history.newestEventMs ?? 0) - (cloud.newestEventMs ?? 0) : 0
  return { rows, ms: Math.max(0, ms), isOtherEpoch }
}
