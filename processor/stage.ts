// What every stage is to the world around it: the state of one partition. Records go in one by one and change state; a
// cut folds what changed and hands over what is to be written. Kafka, clocks and batching stand outside: the runtime
// writes the outputs, then the changelog, then commits; a test does the same in memory.

import type { TopicRecords } from '#stack/kafka-client/producer.ts'
import type { IncomingRecord, OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { WatermarkRecord } from './model.ts'
import type { Restored } from './state/changelog.ts'

export interface Stage {
  /** Takes back what the changelog holds, before any record. */
  restore(changelog: Restored): Resumed
  take(record: IncomingRecord): void
  /** Whether a cut falls here; undefined: records do not say, and it may fall anywhere (task.ts). */
  readonly isCutDue?: boolean | undefined
  /** Of a record that was read and waits to be taken, the first: there reading goes on after a restart. */
  readonly waitingOffset?: number | undefined
  /** How much so waits. */
  readonly waitingBytes?: number
  /** Folds what changed since the last cut. */
  cut(decision: Decision, processedAt: string): Cut
  /** How far time has come for it; null: not at all yet. */
  readonly watermarkMs: number | null
  /** Keys whose state it holds. */
  readonly keyCount: number
}

/** Where a stage goes on: the offset of the next record, and the number of its last cut. */
export interface Resumed {
  nextOffset: number
  number: number
}

/** Where a cut falls and what it judges by (task.ts). */
export interface Decision {
  number: number
  /** Offset after the last record taken. */
  nextOffset: number
  /** Of stage one; the stages behind have theirs from their records. */
  watermarkMs: number | null
  /** Tells the stages behind how far time has come, if it has moved or they were told anything since. */
  handsWatermark: boolean
}

export interface Cut {
  outputs: TopicRecords[]
  /** For the partition of the changelog that has the number of the input's; empty: nothing changed. */
  changelog: OutgoingRecord[]
  /** Another cut might fall elsewhere and publish otherwise: its decision is written first. */
  isDecisive: boolean
}

export const emptyCut: Cut = { outputs: [], changelog: [], isDecisive: false }

/** A record of an output topic with what is needed to write it. */
export class OutputBatch {
  readonly #byTopic = new Map<string, OutgoingRecord[]>()

  add(topic: string, record: OutgoingRecord): void {
    const records = this.#byTopic.get(topic)
    if (records) records.push(record)
    else this.#byTopic.set(topic, [record])
  }

  /** Of values. */
  bytesTo(topic: string): number {
    const records = this.#byTopic.get(topic) ?? []
    return records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  }

  get batches(): TopicRecords[] {
    return [...this.#byTopic].map(([topic, records]) => ({ topic, records }))
  }
}

/** One for each partition of the topic: every reader waits for every sender. */
export function watermarkRecords(
  watermark: Omit<WatermarkRecord, 'kind'>,
  partitionCount: number,
): OutgoingRecord[] {
  const record: WatermarkRecord = { kind: 'watermark', ...watermark }
  const value = JSON.stringify(record)
  return Array.from({ length: partitionCount }, (_, partition) => ({ key: null, value, partition }))
}
