// "Everything produced so far has gone through every stage": the processor has read its inputs to their ends and
// flushed, history has committed up to the ends of the topics it reads, the live view has read as far. It is asked
// again and again until two rounds in a row agree on the same ends, since a stage may still write for the next one.

import type { Clock, DomainClock } from '../../stack/base/clock.ts'
import { messageOf } from '../../stack/base/errors.ts'
import { secondMs } from '../../stack/base/units.ts'
import type { Settings } from '../../stack/contract/settings.ts'
import { topics } from '../../stack/contract/topics.ts'
import type { KafkaPort } from '../../stack/kafka-client/connect.ts'
import type { LiveFeed } from './live/feed.ts'
import { feedTopics } from './live/feed.ts'

export interface SettleResult {
  settled: boolean
  /** One sentence per stage that is behind, naming it. */
  behind: string[]
  /** Offsets by topic: the ends that every stage has reached. */
  positions: Record<string, number[]>
}

export type Settle = (timeoutMs: number, signal: AbortSignal) => Promise<SettleResult>

export interface SettleOptions {
  clock: Clock
  domainClock: DomainClock
  settings: Pick<Settings, 'idleTimeoutMs' | 'watermarkDelayMs'>
  kafka: KafkaPort
  feed(): LiveFeed | undefined
  /** The shop's time at which an event was last read here. */
  lastHeardMs(): number | null
  historyUrl: string
  /** Control address of the processor, where there is one. */
  processor: string | undefined
}

/** What history tells of one partition of a topic it reads. */
interface HistoryPartition {
  topic: string
  partition: number
  endOffset: number
  committed: number
}

const askAgainMs = 50
/** A part looks at its clock about once a second. */
const idleSlackMs = 3 * secondMs
const answerLimitMs = 5 * secondMs

export function createSettle(options: SettleOptions): Settle {
  return async (timeoutMs, signal) => {
    const { clock } = options
    const deadlineMs = clock.monotonicMs() + timeoutMs
    let before: string | undefined
    for (;;) {
      const round = await look(options)
      const ends = JSON.stringify(round.positions)
      if (round.behind.length === 0 && ends === before) return { settled: true, ...round }
      before = round.behind.length === 0 ? ends : undefined
      if (clock.monotonicMs() >= deadlineMs || signal.aborted) {
        return { settled: false, ...round }
      }
      await clock.sleep(askAgainMs)
    }
  }
}

async function look(options: SettleOptions): Promise<Omit<SettleResult, 'settled'>> {
  const stages = await Promise.all([
    naming('processor', processorBehind(options)),
    naming('history', historyBehind(options)),
    naming('live', liveBehind(options)),
  ])
  return {
    behind: stages.flatMap((stage) => stage.behind),
    positions: Object.assign({}, ...stages.map((stage) => stage.positions)) as Record<
      string,
      number[]
    >,
  }
}

interface Stage {
  behind: string[]
  positions: Record<string, number[]>
}

async function naming(name: string, stage: Promise<Stage>): Promise<Stage> {
  try {
    const { behind, positions } = await stage
    return { behind: behind.map((sentence) => `${name}: ${sentence}`), positions }
  } catch (error) {
    return { behind: [`${name}: ${messageOf(error)}`], positions: {} }
  }
}

/** What the processor's `GET /status` tells. */
interface ProcessorStatus {
  behind: string[]
  watermark: string | null
  hasOpenLoad: boolean
  stages: Record<string, { partitions: { partition: number; flushedOffset: number }[] }>
}

/** The topic that each stage reads. */
const inputOf: Record<string, string> = {
  visitors: topics.events.name,
  'cart-owners': topics.cartsById.name,
  persons: topics.cartsByPerson.name,
}

/**
 * The ends are asked of the broker afresh: what a stage last heard of may be older than what the one before it wrote.
 * Where nothing has arrived for the idle time, the watermark has to have followed the clock, so that a moved clock
 * has had its effect.
 */
async function processorBehind(options: SettleOptions): Promise<Stage> {
  const { processor, kafka } = options
  if (processor === undefined) return { behind: [], positions: {} }
  const admin = await kafka.admin()
  try {
    const ends = await Promise.all(
      Object.entries(inputOf).map(
        async ([stage, topic]) => [stage, topic, await admin.endOffsets(topic)] as const,
      ),
    )
    const status = await getJson<ProcessorStatus>(`${processor}/status`)
    const behind = ends.flatMap(([stage, topic, offsets]) =>
      offsets.flatMap((end, partition) => {
        const at = status.stages[stage]?.partitions.find((each) => each.partition === partition)
        const flushed = at?.flushedOffset ?? 0
        return flushed < end ? [`${stage}: ${topic}-${partition} is ${end - flushed} behind`] : []
      }),
    )
    return { behind: [...behind, ...watermarkBehind(options, status)], positions: {} }
  } finally {
    await admin.close()
  }
}

function watermarkBehind(
  { domainClock, settings, lastHeardMs }: SettleOptions,
  { watermark, hasOpenLoad }: ProcessorStatus,
): string[] {
  const nowMs = domainClock.now()
  const heardMs = lastHeardMs()
  // An empty log has no watermark, and while a load is open it stands (T2).
  if (watermark === null || hasOpenLoad || heardMs === null) return []
  if (nowMs - heardMs < settings.idleTimeoutMs + idleSlackMs) return []
  const behindMs = nowMs - settings.watermarkDelayMs - Date.parse(watermark)
  return behindMs > settings.idleTimeoutMs + idleSlackMs
    ? [`the watermark is ${Math.round(behindMs / secondMs)} s behind the clock`]
    : []
}

async function historyBehind({ historyUrl }: SettleOptions): Promise<Stage> {
  const { totals, partitions } = await getJson<{
    totals: { received: number; enriched: number; rejected: number; duplicate: number }
    partitions: HistoryPartition[]
  }>(`${historyUrl}/v1/positions`)
  const behind = partitions
    .filter(({ committed, endOffset }) => committed < endOffset)
    .map((at) => `${at.topic}-${at.partition} is ${at.endOffset - at.committed} behind`)
  const outcomes = totals.enriched + totals.rejected + totals.duplicate
  if (outcomes !== totals.received) {
    behind.push(`${totals.received} received, ${outcomes} with an outcome`)
  }
  return { behind, positions: byTopic(partitions.map((at) => ({ ...at, offset: at.endOffset }))) }
}

async function liveBehind({ kafka, feed }: SettleOptions): Promise<Stage> {
  const live = feed()
  if (!live) return { behind: ['not reading yet'], positions: {} }
  const read = new Map(live.positions().map((at) => [`${at.topic}-${at.partition}`, at.offset]))
  const behind: string[] = []
  const admin = await kafka.admin()
  try {
    for (const topic of feedTopics) {
      for (const [partition, end] of (await admin.endOffsets(topic)).entries()) {
        const offset = read.get(`${topic}-${partition}`)
        if (offset === undefined || offset < end) {
          behind.push(`${topic}-${partition} is ${end - (offset ?? 0)} behind`)
        }
      }
    }
  } finally {
    await admin.close()
  }
  return { behind, positions: {} }
}

function byTopic(
  list: readonly { topic: string; partition: number; offset: number }[],
): Record<string, number[]> {
  const offsets: Record<string, number[]> = {}
  for (const { topic, partition, offset } of list) (offsets[topic] ??= [])[partition] = offset
  return offsets
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(answerLimitMs) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return (await response.json()) as T
}
