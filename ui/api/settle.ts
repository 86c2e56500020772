// "Everything produced so far has gone through every stage": the processor has read its inputs to their ends and
// flushed, history has committed up to the ends of the topics it reads, the live view has read as far. It is asked
// again and again until two rounds in a row agree on the same ends, since a stage may still write for the next one.

import type { Clock } from '../../stack/base/clock.ts'
import { messageOf } from '../../stack/base/errors.ts'
import { secondMs } from '../../stack/base/units.ts'
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
  kafka: KafkaPort
  feed(): LiveFeed | undefined
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

async function processorBehind({ processor }: SettleOptions): Promise<Stage> {
  if (processor === undefined) return { behind: [], positions: {} }
  const status = await getJson<{ settled?: boolean; behind?: string[] }>(`${processor}/status`)
  if (status.settled !== false) return { behind: [], positions: {} }
  return { behind: status.behind ?? ['still at work'], positions: {} }
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
  const topics: Record<string, number[]> = {}
  for (const { topic, partition, offset } of list) (topics[topic] ??= [])[partition] = offset
  return topics
}

async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(answerLimitMs) })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  return (await response.json()) as T
}
