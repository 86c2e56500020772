// One table on both sides, as of one `_seq`: counts and checksums by hour, and of the hours that are not equal the rows that
// differ, with their keys and columns.

import { hourMs } from '#stack/base/units.ts'
import type { AsOf } from '#stack/contract/metrics/as-of.ts'
import { storedColumns, tables } from '#stack/contract/tables.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import type { HistoryClient, WireRow } from '../history-client.ts'
import type { TableResource } from '../tables/resources.ts'
import {
  canonicalCell,
  canonicalCellSql,
  canonicalSql,
  canonicalText,
  Digest,
  hashOf,
  hashSql,
} from './canonical.ts'
import { unequalHours } from './parity.ts'
import type { HourDigest, Hours, UnequalHour } from './parity.ts'

export interface RowDifference {
  seq: number
  /** `order_id O-17, line 2`. */
  key: string
  outcome: 'missing' | 'extra' | 'twice' | 'different'
  /** Of a row that differs: what each side has. */
  columns: { name: string; history: string; bigquery: string }[]
}

export interface TableParity {
  table: string
  rows: { history: number; bigquery: number }
  isEqual: boolean
  hours: UnequalHour[]
  /** Some of the rows that are not equal. */
  differences: RowDifference[]
}

interface Sides {
  history: HistoryClient
  client: BigQueryClients['client']
  datasetId: string
  /** Of rows that are named. */
  namedMax: number
}

export async function tableParity(
  resource: TableResource,
  asOf: AsOf,
  sides: Sides,
): Promise<TableParity> {
  const [ours, theirs] = [
    await hoursOfHistory(resource, asOf, sides),
    await hoursOfBigQuery(resource, asOf, sides),
  ]
  const hours = unequalHours(ours, theirs)
  const differences = hours.length === 0 ? [] : await rowsOf(resource, asOf, { hours, ...sides })
  return {
    table: resource.tableId,
    rows: { history: total(ours), bigquery: total(theirs) },
    isEqual: hours.length === 0,
    hours,
    differences,
  }
}

const total = (hours: Hours): number => [...hours.values()].reduce((sum, { rows }) => sum + rows, 0)

function hourOf(row: WireRow, { name }: TableResource): number | null {
  const time = row[tables[name].time]
  return typeof time === 'string' ? Math.floor(Date.parse(time) / hourMs) : null
}

async function hoursOfHistory(
  resource: TableResource,
  { epoch, toSeq }: AsOf,
  { history }: Sides,
): Promise<Hours> {
  const columns = storedColumns(resource.name, 'log')
  const digests = new Map<number | null, Digest>()
  for await (const rows of history.rows(resource.source, { epoch, afterSeq: 0, toSeq })) {
    for (const row of rows) {
      const hour = hourOf(row, resource)
      const digest = digests.get(hour) ?? new Digest()
      digest.add(row['_seq'] as number, canonicalText(row, columns))
      digests.set(hour, digest)
    }
  }
  const plain = ({ rows: count, minSeq, maxSeq, sum, xor }: Digest): HourDigest => ({
    rows: count,
    // History gives a number once.
    seqs: count,
    minSeq,
    maxSeq,
    sum,
    xor,
  })
  return new Map([...digests].map(([hour, digest]) => [hour, plain(digest)]))
}

/** Rows of the epoch up to the `_seq`, each with its hour and its canonical text. */
function textsSql({ name, tableId }: TableResource, { epoch, toSeq }: AsOf, datasetId: string) {
  const text = canonicalSql(storedColumns(name, 'log'))
  const hour = `DIV(UNIX_MILLIS(${tables[name].time}), ${hourMs})`
  return `SELECT _seq, ${hour} AS hour, ${text} AS text FROM ${datasetId}.${tableId}
    WHERE _epoch = ${epoch} AND _seq <= ${toSeq}`
}

async function hoursOfBigQuery(
  resource: TableResource,
  asOf: AsOf,
  { client, datasetId }: Sides,
): Promise<Hours> {
  // INT64 beyond 2^53 comes as text: the client would round it.
  const [rows] = await client.query({
    query: `SELECT hour, COUNT(*) AS row_count, COUNT(DISTINCT _seq) AS seqs, MIN(_seq) AS min_seq, MAX(_seq) AS max_seq,
        CAST(SUM(CAST(digest AS NUMERIC)) AS STRING) AS total, CAST(BIT_XOR(digest) AS STRING) AS mixed
      FROM (SELECT _seq, hour, ${hashSql('text')} AS digest FROM (${textsSql(resource, asOf, datasetId)}) AS texts) AS digests
      GROUP BY hour`,
  })
  return new Map(
    (rows as HourRow[]).map((row) => [
      row.hour,
      {
        rows: row.row_count,
        seqs: row.seqs,
        minSeq: row.min_seq,
        maxSeq: row.max_seq,
        sum: BigInt(row.total),
        xor: BigInt(row.mixed),
      },
    ]),
  )
}

interface HourRow {
  hour: number | null
  row_count: number
  seqs: number
  min_seq: number
  max_seq: number
  total: string
  mixed: string
}

/** Rows of the unequal hours by `_seq`: which are on one side only, and which are not the same. */
async function rowsOf(
  resource: TableResource,
  asOf: AsOf,
  sides: Sides & { hours: readonly UnequalHour[] },
): Promise<RowDifference[]> {
  const { history, hours, namedMax } = sides
  const columns = storedColumns(resource.name, 'log')
  const wanted = new Set(hours.map(({ hour }) => hour))
  const theirs = await digestsOfBigQuery(resource, asOf, sides)
  const found: RowDifference[] = []
  const seen = new Set<number>()
  const { epoch, toSeq } = asOf
  for await (const rows of history.rows(resource.source, { epoch, afterSeq: 0, toSeq })) {
    for (const row of rows) {
      const seq = row['_seq'] as number
      if (!wanted.has(hourOf(row, resource)) && !theirs.has(seq)) continue
      seen.add(seq)
      const digests = theirs.get(seq) ?? []
      const isSame = digests.length === 1 && digests[0] === hashOf(canonicalText(row, columns))
      if (isSame || found.length >= namedMax) continue
      found.push(await differenceOf(resource, asOf, { row, count: digests.length, ...sides }))
    }
  }
  for (const seq of theirs.keys()) {
    if (found.length >= namedMax) break
    if (seen.has(seq)) continue
    found.push({ seq, key: `_seq ${seq}`, outcome: 'extra', columns: [] })
  }
  return found.sort((a, b) => a.seq - b.seq)
}

async function digestsOfBigQuery(
  resource: TableResource,
  asOf: AsOf,
  { client, datasetId, hours }: Sides & { hours: readonly UnequalHour[] },
): Promise<Map<number, bigint[]>> {
  const list = hours.flatMap(({ hour }) => hour ?? [])
  const inHours = [
    ...(list.length > 0 ? [`hour IN (${list.join(', ')})`] : []),
    ...(hours.some(({ hour }) => hour === null) ? ['hour IS NULL'] : []),
  ]
  const [rows] = await client.query({
    query: `SELECT _seq, CAST(${hashSql('text')} AS STRING) AS digest
      FROM (${textsSql(resource, asOf, datasetId)}) AS texts WHERE ${inHours.join(' OR ')}`,
  })
  const digests = new Map<number, bigint[]>()
  for (const { _seq, digest } of rows as { _seq: number; digest: string }[]) {
    digests.set(_seq, [...(digests.get(_seq) ?? []), BigInt(digest)])
  }
  return digests
}

/** Cell by cell; a row that lies in another hour there is found too. */
async function differenceOf(
  { name, tableId }: TableResource,
  { epoch }: AsOf,
  { client, datasetId, row }: Sides & { row: WireRow; count: number },
): Promise<RowDifference> {
  const seq = row['_seq'] as number
  const columns = storedColumns(name, 'log')
  const cells = columns.map(([column, { type }], i) => `${canonicalCellSql(column, type)} AS c${i}`)
  const [rows] = await client.query({
    query: `SELECT ${cells.join(', ')} FROM ${datasetId}.${tableId} WHERE _epoch = ${epoch} AND _seq = ${seq}`,
  })
  const keys: readonly string[] = tables[name].key
  const key = keys.map((column) => `${column} ${String(row[column])}`).join(', ')
  const found = rows as Record<string, string>[]
  const [theirs] = found
  if (!theirs) return { seq, key, outcome: 'missing', columns: [] }
  const unequal = columns.flatMap(([column, { type }], i) => {
    const ours = canonicalCell(row[column], type)
    const other = theirs[`c${i}`] ?? ''
    return ours === other ? [] : [{ name: column, history: shown(ours), bigquery: shown(other) }]
  })
  return { seq, key, outcome: found.length > 1 ? 'twice' : 'different', columns: unequal }
}

const shownMax = 200

function shown(text: string): string {
  if (text === '\u0000') return 'NULL'
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text
}
