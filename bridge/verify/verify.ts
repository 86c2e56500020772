// Are both sides equal? Every table by counts and checksums, hour by hour, as of the newest `_seq` that history had when it was
// asked; every figure of the registry as of the number its answer names. What lane B has on its way is waited for; what does
// not come is missing. The first rows that differ are named.

import type { Clock } from '#stack/base/clock.ts'
import { secondMs } from '#stack/base/units.ts'
import type { MetricId } from '#stack/contract/metrics.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { connectBigQuery } from '#stack/google/bigquery.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import type { BridgeRoute } from '../options.ts'
import { HistoryClient } from '../history-client.ts'
import { tableResources } from '../tables/resources.ts'
import { askHistory, metricParity } from './metric-parity.ts'
import type { FigureParity } from './metric-parity.ts'
import { tableParity } from './table-parity.ts'
import type { TableParity } from './table-parity.ts'

export interface VerifyOptions extends Pick<BridgeRoute, 'history' | 'target' | 'dataset'> {
  clock: Clock
  settings?: Settings
  /** How long rows that are on their way are waited for. */
  waitMs?: number
  /** Rows named per table. */
  namedMax?: number
  /** What is being compared, as it goes on. */
  onProgress?(what: string): void
}

export interface VerifyReport {
  isEqual: boolean
  /** Rows that history had at the beginning had not come when they had been waited for. */
  isBehind: boolean
  epoch: number
  asOfSeq: number
  tables: TableParity[]
  figures: FigureParity[]
}

export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { target, dataset: datasetId, settings = defaultSettings, onProgress } = options
  const history = new HistoryClient(options.history)
  const { client, close } = await connectBigQuery(target)
  try {
    const { epoch, maxSeq, isThere } = await untilShipped(history, client, options)
    const parities: TableParity[] = []
    for (const resource of tableResources) {
      onProgress?.(resource.tableId)
      const sides = { history, client, datasetId, namedMax: options.namedMax ?? 10 }
      parities.push(await tableParity(resource, { epoch, toSeq: maxSeq }, sides))
    }
    onProgress?.('figures')
    const figures = await figureParities(history, { client, datasetId, settings, epoch }, options)
    const isEqual = [...parities, ...figures].every((each) => each.isEqual)
    return { isEqual, isBehind: !isThere, epoch, asOfSeq: maxSeq, tables: parities, figures }
  } finally {
    await close()
  }
}

const defaultWaitMs = 30 * secondMs
const lookMs = 250

/** What history has now, when BigQuery has it too, or when that was waited for long enough. */
async function untilShipped(
  history: HistoryClient,
  client: BigQueryClients['client'],
  { dataset, clock, waitMs = defaultWaitMs }: VerifyOptions,
): Promise<{ epoch: number; maxSeq: number; isThere: boolean }> {
  const listing = await history.tables()
  const wanted = tableResources.map(({ tableId, source }) => ({
    tableId,
    maxSeq: listing.tables.find(({ name }) => name === source)?.maxSeq ?? 0,
  }))
  const untilMs = clock.monotonicMs() + waitMs
  const newest = wanted
    .map(
      ({ tableId }) =>
        `SELECT '${tableId}' AS name, COALESCE(MAX(_seq), 0) AS seq FROM ${dataset}.${tableId} WHERE _epoch = ${listing.epoch}`,
    )
    .join(' UNION ALL ')
  for (;;) {
    const [rows] = await client.query({ query: newest })
    const seqs = new Map(
      (rows as { name: string; seq: number }[]).map((row) => [row.name, row.seq]),
    )
    const isThere = wanted.every(({ tableId, maxSeq }) => (seqs.get(tableId) ?? 0) >= maxSeq)
    if (isThere || clock.monotonicMs() > untilMs) return { ...listing, isThere }
    await clock.sleep(lookMs)
  }
}

const roundsMax = 4

/** An answer during which history wrote names a number that is too high: what differs is asked again. */
async function figureParities(
  history: HistoryClient,
  cloud: Parameters<typeof metricParity>[1],
  options: VerifyOptions,
): Promise<FigureParity[]> {
  const results = new Map<MetricId, FigureParity[]>()
  let ids: MetricId[] | undefined
  for (let round = 0; round < roundsMax; round++) {
    const questions = await askHistory(history, ids)
    const { epoch } = await untilShipped(history, cloud.client, options)
    const answers = await metricParity(questions, { ...cloud, epoch })
    for (const [id, parities] of Map.groupBy(answers, ({ metric }) => metric)) {
      results.set(id, parities)
    }
    ids = [...results]
      .filter(([, parities]) => parities.some(({ isEqual }) => !isEqual))
      .map(([id]) => id)
    if (ids.length === 0) break
  }
  return [...results.values()].flat()
}
