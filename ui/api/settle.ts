// "Everything produced so far has gone through every stage", asked of one stage after the other: the three of the
// processor, history, the live view. What a stage must reach is fixed when the one before it has got there, so that what
// goes on meanwhile, live traffic or the watermark that follows the clock, keeps nobody waiting.

import type { Clock, DomainClock } from '../../stack/base/clock.ts'
import { messageOf } from '../../stack/base/errors.ts'
import { secondMs } from '../../stack/base/units.ts'
import type { Settings } from '../../stack/contract/settings.ts'
import { topics } from '../../stack/contract/topics.ts'
import type { KafkaPort } from '../../stack/kafka-client/connect.ts'
import type { LiveFeed } from './live/feed.ts'
import { feedTopics } from './live/records.ts'

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

/** What history tells of the topics it reads. */
interface HistoryAnswer {
  /** Of the input: every offset below `completeTo` has its outcome. */
  inputs: { partition: number; endOffset: number; completeTo: number }[]
  partitions: { topic: string; partition: number; endOffset: number; committed: number }[]
}

const askAgainMs = 50
/** A part looks at its clock about once a second. */
const idleSlackMs = 3 * secondMs
const answerLimitMs = 5 * secondMs

export function createSettle(options: SettleOptions): Settle {
  return async (timeoutMs, signal) => {
    const { clock } = options
    const deadlineMs = clock.monotonicMs() + timeoutMs
    const settled: Settled = { watermarkMs: null, positions: {} }
    for (const [name, stage] of Object.entries(stages)) {
      const behind = naming(name, stage(options, settled))
      for (;;) {
        await hurry(options)
        const sentences = await behind()
        if (sentences.length === 0) break
        if (clock.monotonicMs() >= deadlineMs || signal.aborted) {
          return { settled: false, behind: sentences, positions: settled.positions }
        }
        await clock.sleep(askAgainMs)
      }
    }
    return { settled: true, behind: [], positions: settled.positions }
  }
}

/** What parts have in hand need not wait for more to come with it. One that cannot hear says so when it is asked. */
async function hurry({ processor, historyUrl }: SettleOptions): Promise<void> {
  const parts = processor === undefined ? [historyUrl] : [processor, historyUrl]
  const signal = AbortSignal.timeout(answerLimitMs)
  const asked = parts.map((url) => fetch(`${url}/control/flush`, { method: 'POST', signal }))
  await Promise.allSettled(asked)
}

/** What the stages so far have reached. */
interface Settled {
  /** Of the input, to be handed on to the later stages; null where the log is empty. */
  watermarkMs: number | null
  positions: Record<string, number[]>
}

/** What is still behind, in sentences; asked again until there is none. The first answer fixes what is asked for. */
type Behind = () => Promise<string[]>

const stages: Record<string, (options: SettleOptions, settled: Settled) => Behind> = {
  processor: visitorsBehind,
  'processor, carts by id': (options, settled) => laneBehind('cart-owners', options, settled),
  'processor, carts by person': (options, settled) => laneBehind('persons', options, settled),
  history: historyBehind,
  live: liveBehind,
}

function naming(name: string, behind: Behind): Behind {
  return async () => {
    try {
      return (await behind()).map((sentence) => `${name}: ${sentence}`)
    } catch (error) {
      return [`${name}: ${messageOf(error)}`]
    }
  }
}

/** What the processor's `GET /status` tells. */
interface ProcessorStatus {
  watermark: string | null
  hasOpenLoad: boolean
  stages: Record<string, { partitions: LanePartition[] }>
}

interface LanePartition {
  partition: number
  nextOffset: number
  flushedOffset: number
  watermark: string | null
}

/** The topic that each stage reads. */
const inputOf = {
  visitors: topics.events.name,
  'cart-owners': topics.cartsById.name,
  persons: topics.cartsByPerson.name,
} as const
type LaneName = keyof typeof inputOf

/**
 * Where nothing has arrived for the idle time, the watermark has to have followed the clock, so that a moved clock has
 * had its effect.
 */
function visitorsBehind(options: SettleOptions, settled: Settled): Behind {
  const { processor } = options
  let ends: number[] | undefined
  return async () => {
    if (processor === undefined) return []
    ends ??= await endsOf(options, inputOf.visitors)
    const status = await getJson<ProcessorStatus>(`${processor}/status`)
    settled.watermarkMs = status.watermark === null ? null : Date.parse(status.watermark)
    return [...offsetsBehind('visitors', ends, status), ...watermarkBehind(options, status)]
  }
}

/** Read to where the stage before had written, and judged at the watermark that it had. */
function laneBehind(lane: LaneName, options: SettleOptions, { watermarkMs }: Settled): Behind {
  const { processor } = options
  let ends: number[] | undefined
  let hasWatermark = watermarkMs === null
  return async () => {
    if (processor === undefined) return []
    ends ??= await endsOf(options, inputOf[lane])
    const status = await getJson<ProcessorStatus>(`${processor}/status`)
    if (!hasWatermark) {
      const at = status.stages[lane]?.partitions ?? []
      const isHanded = at.every(
        ({ watermark }) => watermark !== null && Date.parse(watermark) >= (watermarkMs as number),
      )
      if (at.length < ends.length || !isHanded) return [`${lane}: the watermark is on its way`]
      hasWatermark = true
      for (const { partition, nextOffset } of at) {
        ends[partition] = Math.max(ends[partition] ?? 0, nextOffset)
      }
    }
    return offsetsBehind(lane, ends, status)
  }
}

function offsetsBehind(lane: LaneName, ends: readonly number[], status: ProcessorStatus): string[] {
  return ends.flatMap((end, partition) => {
    const at = status.stages[lane]?.partitions.find((each) => each.partition === partition)
    const flushed = at?.flushedOffset ?? 0
    return flushed < end
      ? [`${lane}: ${inputOf[lane]}-${partition} is ${end - flushed} behind`]
      : []
  })
}

async function endsOf({ kafka }: SettleOptions, topic: string): Promise<number[]> {
  const admin = await kafka.admin()
  try {
    return await admin.endOffsets(topic)
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

function historyBehind({ historyUrl }: SettleOptions, settled: Settled): Behind {
  let asked: HistoryAnswer | undefined
  return async () => {
    const now = await getJson<HistoryAnswer>(`${historyUrl}/v1/positions`)
    asked ??= now
    settled.positions = byTopic(asked.partitions.map((at) => ({ ...at, offset: at.endOffset })))
    const behind = asked.partitions.flatMap(({ topic, partition, endOffset }) => {
      const at = now.partitions.find((each) => each.topic === topic && each.partition === partition)
      const committed = at?.committed ?? 0
      return committed < endOffset
        ? [`${topic}-${partition} is ${endOffset - committed} behind`]
        : []
    })
    const open = asked.inputs.flatMap(({ partition, endOffset }) => {
      const at = now.inputs.find((each) => each.partition === partition)
      const completeTo = at?.completeTo ?? 0
      if (completeTo >= endOffset) return []
      return [`${topics.events.name}-${partition}: ${endOffset - completeTo} without an outcome`]
    })
    return [...behind, ...open]
  }
}

function liveBehind(options: SettleOptions): Behind {
  let ends: Record<string, number[]> | undefined
  return async () => {
    const live = options.feed()
    if (!live) return ['not reading yet']
    ends ??= Object.fromEntries(
      await Promise.all(
        feedTopics.map(async (topic) => [topic, await endsOf(options, topic)] as const),
      ),
    )
    const read = new Map(live.positions().map((at) => [`${at.topic}-${at.partition}`, at.offset]))
    return Object.entries(ends).flatMap(([topic, offsets]) =>
      offsets.flatMap((end, partition) => {
        const offset = read.get(`${topic}-${partition}`)
        if (offset !== undefined && offset >= end) return []
        return [`${topic}-${partition} is ${end - (offset ?? 0)} behind`]
      }),
    )
  }
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
