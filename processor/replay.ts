// For tests: a log read again on one partition. Which stage reads next, how much it is given, whether all of it ends and
// begins again from its changelog, and what the clock says is chance each time; what the topics hold must not be (T7).

import { hourMs } from '#stack/base/units.ts'
import { topics } from '#stack/contract/topics.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'
import { LocalPipeline } from './local-pipeline.ts'
import type { LocalPipelineOptions, Reading } from './local-pipeline.ts'

export interface ReplayOptions extends LocalPipelineOptions {
  /** Chance: a number below the bound. */
  next(bound: number): number
  batchRecordsMax: number
  /** Of so many batches, one is the last before a restart. */
  batchesPerRestart?: number
}

/** One line a record of every output topic, in its order. */
export type Lines = Record<string, string[]>

export const outputTopics = [
  topics.enriched.name,
  topics.rejected.name,
  topics.sessions.name,
  topics.carts.name,
  topics.abandonment.name,
]

export function replay(
  log: readonly OutgoingRecord[],
  { next, batchRecordsMax, batchesPerRestart = 10, ...options }: ReplayOptions,
): Lines {
  const pipeline = new LocalPipeline({ ...options, partitions: 1 })
  pipeline.nowMs = next(1_000) * hourMs
  for (const record of log) pipeline.appendRecord(record)
  const reading = (): Reading => ({
    choose: next,
    batchRecords: 1 + next(batchRecordsMax),
    cutsBatches: false,
  })
  while (pipeline.step(reading())) {
    pipeline.nowMs += next(1_000)
    if (next(batchesPerRestart) === 0) pipeline.restart()
  }
  pipeline.drain(reading())
  return linesOf(pipeline)
}

export function linesOf({ log }: LocalPipeline): Lines {
  return Object.fromEntries(outputTopics.map((topic) => [topic, log.all(topic).map(lineOf)]))
}

function lineOf({ key, value, headers }: IncomingRecord): string {
  const text = value?.toString() ?? 'null'
  const heads = Object.entries(headers).map(([name, head]) => `${name}=${head?.toString()}`)
  const processed = /"processedAt":"[^"]*"/
  return [key?.toString(), text.replace(processed, '"processedAt":""'), ...heads].join(' ')
}
