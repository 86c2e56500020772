// What history costs without a broker: simulated traffic through the stages into topics in memory, then those into a
// history on disk in transactions of the usual size, and every figure asked of it, whole and by day.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#stack/base/clock.ts'
import { defaultCataloguePath, parseCatalogue } from '#stack/contract/catalogue.ts'
import { metricIds, metrics } from '#stack/contract/metrics.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import { outgoingRecord } from '#stack/shop/simulate/outgoing.ts'
import { createSimulation } from '#stack/shop/simulate/simulation.ts'
import type { LocalLog } from '../local-log.ts'
import { LocalPipeline } from '../local-pipeline.ts'
import { Batch, historyTopics } from './batch.ts'
import { defaultLimits } from './database.ts'
import { openHistory } from './history-file.ts'
import type { History } from './history-file.ts'
import { answerMetric } from './query/metrics.ts'

export interface HistoryBench {
  events: number
  records: number
  /** All threads of the process. */
  cpuMicrosPerEvent: number
  wallMicrosPerEvent: number
  bytesPerEvent: number
  /** Milliseconds of one question, over all figures: asked whole, and by day. */
  queryMs: { median: number; max: number; slowest: string }
}

const transactionRows = 10_000
const partitions = 4

export async function benchHistory({ days = 3, seed = 1 } = {}): Promise<HistoryBench> {
  const log = await enrichedLog(days, seed)
  const dir = mkdtempSync(join(tmpdir(), 'slipway-history-bench-'))
  const options = { settings: defaultSettings, limits: defaultLimits }
  const history = await openHistory(join(dir, 'history.duckdb'), 1, options)
  try {
    const written = await write(log, history)
    await history.database.checkpoint()
    const bytesPerEvent = history.database.fileBytes() / written.events
    return { ...written, bytesPerEvent, queryMs: await ask(history) }
  } finally {
    await history.close()
    rmSync(dir, { recursive: true })
  }
}

async function enrichedLog(days: number, seed: number): Promise<LocalLog> {
  const openingMs = Date.parse('2026-03-01T00:00:00.000Z')
  const simulation = await createSimulation({
    seed,
    days,
    openingMs,
    profile: 'full',
    liveEventsPerSecond: 0,
  })
  const catalogue = parseCatalogue(readFileSync(defaultCataloguePath, 'utf8'))
  const pipeline = new LocalPipeline({ partitions, catalogue })
  let waiting = 0
  for (const delivery of simulation.records({ arrivalsUntilMs: openingMs })) {
    if (delivery.receivedMs > openingMs) break
    pipeline.appendRecord(outgoingRecord(delivery))
    if (++waiting % transactionRows === 0) pipeline.run()
  }
  pipeline.run()
  return pipeline.log
}

async function write(
  log: LocalLog,
  history: History,
): Promise<Pick<HistoryBench, 'events' | 'records' | 'cpuMicrosPerEvent' | 'wallMicrosPerEvent'>> {
  const lanes = historyTopics.flatMap((topic) =>
    Array.from({ length: partitions }, (_, partition) => ({
      topic,
      partition,
      records: log.partition(topic, partition),
    })),
  )
  const longest = Math.max(...lanes.map(({ records }) => records.length))
  const startMs = systemClock.monotonicMs()
  const before = process.cpuUsage()
  let batch = new Batch()
  let records = 0
  // All lanes at the same pace, as a consumer reads them that has caught up with its producers.
  for (let share = 0; share < longest; share += 500) {
    for (const { topic, partition, records: all } of lanes) {
      const from = Math.floor((share * all.length) / longest)
      const to = Math.min(Math.floor(((share + 500) * all.length) / longest), all.length)
      for (const record of all.slice(from, to)) batch.add(topic, partition, record)
      batch.advance({ topic, partition }, to)
      records += to - from
    }
    if (batch.rows < transactionRows) continue
    await history.commit(batch)
    batch = new Batch()
    if (history.database.isWalLong()) await history.database.checkpoint()
  }
  await history.commit(batch)
  const { user, system } = process.cpuUsage(before)
  const events = log.all(topics.enriched.name).length
  return {
    events,
    records,
    cpuMicrosPerEvent: (user + system) / events,
    wallMicrosPerEvent: ((systemClock.monotonicMs() - startMs) * 1000) / events,
  }
}

async function ask(history: History): Promise<HistoryBench['queryMs']> {
  const spans: { id: string; ms: number }[] = []
  for (const id of metricIds) {
    const currency = metrics[id].perCurrency ? 'EUR' : undefined
    const grain = metrics[id].grains.includes('day') ? 'day' : undefined
    for (const request of [{ currency }, { currency, grain }]) {
      const startMs = systemClock.monotonicMs()
      await answerMetric(history, id, request, null)
      spans.push({ id, ms: systemClock.monotonicMs() - startMs })
    }
  }
  spans.sort((a, b) => a.ms - b.ms)
  const slowest = spans.at(-1)
  return {
    median: spans[Math.floor(spans.length / 2)]?.ms ?? 0,
    max: slowest?.ms ?? 0,
    slowest: slowest?.id ?? '',
  }
}

if (import.meta.main) {
  const result = await benchHistory({ days: Number(process.argv[2] ?? 3) })
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
}
