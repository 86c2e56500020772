// What the processor tells of itself on its control port: how far each stage is, what it holds, where time stands, which
// outcome the input positions had; and whether everything known to be written has gone through.

import { isoTime } from '#stack/base/units.ts'
import type { OwnerStage } from '../owner/owner-stage.ts'
import type { OutcomeCounts, VisitorStage } from '../stage-one.ts'
import type { Stage } from '../stage.ts'
import type { PersonStage } from '../stage-two.ts'
import type { InputWatermark } from '../time/watermark.ts'
import type { Lane } from './lane.ts'

export interface Lanes {
  visitors: Lane<VisitorStage>
  'cart-owners': Lane<OwnerStage>
  persons: Lane<PersonStage>
}

export interface ProcessorStatus {
  settled: boolean
  /** One sentence for each stage that is behind. */
  behind: string[]
  outcomes: OutcomeCounts
  watermark: string | null
  hasOpenLoad: boolean
  stages: Record<string, StageStatus>
}

interface StageStatus {
  groupId: string
  partitions: PartitionStatus[]
}

interface PartitionStatus {
  partition: number
  /** The next to be read, and the one before which everything is written. */
  nextOffset: number
  flushedOffset: number
  endOffset: number
  keys: number
  watermark: string | null
}

export function statusOf(lanes: Lanes, watermark: InputWatermark): ProcessorStatus {
  const behind = Object.values(lanes).flatMap(lagOf)
  return {
    settled: behind.length === 0,
    behind,
    outcomes: outcomesOf(lanes.visitors),
    watermark: timeText(watermark.watermarkMs),
    hasOpenLoad: watermark.hasOpenLoad,
    stages: Object.fromEntries(
      Object.entries(lanes).map(([name, lane]) => [name, stageStatus(lane)]),
    ),
  }
}

function lagOf(lane: Lane<Stage>): string[] {
  const { name } = lane.definition
  if (!lane.isReady) return [`${name} waits for its partitions`]
  return lane.readings
    .filter(({ flushedOffset, endOffset }) => flushedOffset < endOffset)
    .map(({ task, endOffset, flushedOffset }) => {
      return `${name} ${task.partition} is ${endOffset - flushedOffset} behind`
    })
}

function outcomesOf(lane: Lane<VisitorStage>): OutcomeCounts {
  const total = { enriched: 0, rejected: 0, duplicate: 0, loadEnd: 0, late: 0, tooLate: 0 }
  for (const { task } of lane.readings) {
    for (const name of Object.keys(total) as (keyof OutcomeCounts)[]) {
      total[name] += task.stage.counts[name]
    }
  }
  return total
}

function stageStatus({ definition, readings }: Lane<Stage>): StageStatus {
  return {
    groupId: definition.groupId,
    partitions: readings.map(({ task, flushedOffset, endOffset }) => ({
      partition: task.partition,
      nextOffset: task.nextOffset,
      flushedOffset,
      endOffset,
      keys: task.stage.keyCount,
      watermark: timeText(task.stage.watermarkMs),
    })),
  }
}

function timeText(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms)
}
