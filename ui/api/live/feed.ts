// Kafka into the fold: enriched and rejected events, sessions and carts, each topic from its own stretch back by the
// records' time. The group exists only for the client library's sake: positions are kept here and nothing is
// committed. While a first start writes days of past traffic, records older than the window are told by their time
// and skipped unread.

import { randomUUID } from 'node:crypto'
import type { CartRecord } from '../../../stack/contract/cart.ts'
import type { EnrichedEvent, RejectedEvent } from '../../../stack/contract/events.ts'
import type { SessionRecord } from '../../../stack/contract/session.ts'
import { topics } from '../../../stack/contract/topics.ts'
import type { Clock, DomainClock } from '../../../stack/base/clock.ts'
import { messageOf } from '../../../stack/base/errors.ts'
import type { Logger } from '../../../stack/base/logger.ts'
import { dayMs, secondMs } from '../../../stack/base/units.ts'
import type { KafkaPort } from '../../../stack/kafka-client/connect.ts'
import type {
  IncomingRecord,
  Position,
  RecordBatch,
  TopicPartition,
} from '../../../stack/kafka-client/records.ts'
import { partitionName } from '../../../stack/kafka-client/records.ts'
import type { LiveFold, RecordPlace } from './fold.ts'
import { eventsKeptMs, verdictsKeptMs } from './fold.ts'

/** A cart or session may be older than its verdict by its greatest age. */
const keyedBackMs = verdictsKeptMs + dayMs

const backMs: Record<string, number> = {
  [topics.enriched.name]: eventsKeptMs,
  [topics.rejected.name]: eventsKeptMs,
  [topics.sessions.name]: keyedBackMs,
  [topics.carts.name]: keyedBackMs,
}
export const feedTopics = Object.keys(backMs)

export interface FeedOptions {
  kafka: KafkaPort
  fold: LiveFold
  clock: Clock
  domainClock: DomainClock
  logger: Logger
  /** How long to wait for more once everything is read: a fetch for every single event costs more than the event. */
  pauseMs(): number
  onCrash(error: Error): void
}

export interface LiveFeed {
  lag(): { records: number; seconds: number }
  positions(): Position[]
  /** Every partition was read to the end that it had when last heard of. */
  isCaughtUp(): boolean
  close(): Promise<void>
}

interface Progress extends Position {
  endOffset: number
  /** Time of the newest record read. */
  recordMs: number
}

export async function startFeed(options: FeedOptions): Promise<LiveFeed> {
  const { kafka, clock, domainClock, logger } = options
  const progress = new Map<string, Progress>()
  const groupId = `slipway-ui-${randomUUID()}`

  let restedMs = -Infinity
  /** Once for all partitions of a fetch, not once for each. */
  const rest = async (): Promise<void> => {
    const pauseMs = options.pauseMs()
    if (pauseMs === 0 || clock.monotonicMs() - restedMs < pauseMs) return
    await clock.sleep(pauseMs)
    restedMs = clock.monotonicMs()
  }

  const startPositions = async (assigned: readonly TopicPartition[]): Promise<Position[]> => {
    const admin = await kafka.admin()
    try {
      const positions: Position[] = []
      for (const topic of new Set(assigned.map((each) => each.topic))) {
        const fromMs = Math.max(0, domainClock.now() - (backMs[topic] as number))
        const [offsets, ends] = await Promise.all([
          admin.offsetsAt(topic, fromMs),
          admin.endOffsets(topic),
        ])
        for (const { partition } of assigned.filter((each) => each.topic === topic)) {
          const name = partitionName({ topic, partition })
          const offset = progress.get(name)?.offset ?? offsets[partition] ?? 0
          const endOffset = ends[partition] ?? offset
          const recordMs = progress.get(name)?.recordMs ?? fromMs
          progress.set(name, { topic, partition, offset, endOffset, recordMs })
          positions.push({ topic, partition, offset })
          if (topic === topics.enriched.name) {
            options.fold.observe(partition, 0, offset >= endOffset, domainClock.now())
          }
        }
      }
      return positions
    } finally {
      await admin.close()
    }
  }

  const consumer = await kafka.consume({
    groupId,
    topics: feedTopics,
    from: 'end',
    maxWaitMs: secondMs / 2,
    onAssigned: startPositions,
    async onBatch(batch) {
      applyBatch(options, batch)
      const { topic, partition } = batch
      progress.set(partitionName(batch), {
        topic,
        partition,
        offset: batch.nextOffset,
        endOffset: Math.max(batch.highWatermark, batch.nextOffset),
        recordMs: batch.records.at(-1)?.timestampMs ?? domainClock.now(),
      })
      if (batch.nextOffset >= batch.highWatermark) await rest()
    },
    onCrash: options.onCrash,
  })

  return {
    lag() {
      let records = 0
      let oldestMs = Infinity
      for (const { offset, endOffset, recordMs } of progress.values()) {
        if (endOffset <= offset) continue
        records += endOffset - offset
        oldestMs = Math.min(oldestMs, recordMs)
      }
      const seconds = records === 0 ? 0 : (domainClock.now() - oldestMs) / secondMs
      return { records, seconds: Math.max(0, Math.round(seconds * 10) / 10) }
    },
    positions: () =>
      [...progress.values()].map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    isCaughtUp: () =>
      progress.size > 0 && [...progress.values()].every((each) => each.offset >= each.endOffset),
    async close() {
      await consumer.close()
      const admin = await kafka.admin()
      await admin
        .deleteGroups([groupId])
        .catch((error) => logger.debug('group not deleted', { groupId, error: messageOf(error) }))
      await admin.close()
    },
  }
}

function applyBatch({ fold, domainClock, logger }: FeedOptions, batch: RecordBatch): void {
  const nowMs = domainClock.now()
  const { topic, partition } = batch
  const back = backMs[topic] as number
  let newestMs = 0
  for (const record of batch.records) {
    newestMs = Math.max(newestMs, record.timestampMs)
    if (record.timestampMs < nowMs - back) continue
    try {
      applyRecord(
        fold,
        { topic, partition, offset: record.offset, key: textOf(record.key) },
        record,
        nowMs,
      )
    } catch (error) {
      const at = { topic, partition, offset: record.offset }
      logger.warn('record not understood, skipped', { ...at, error: messageOf(error) })
    }
  }
  if (topic === topics.enriched.name && batch.records.length > 0) {
    fold.observe(partition, newestMs, batch.nextOffset >= batch.highWatermark, nowMs)
  }
  fold.prune(nowMs)
}

function applyRecord(
  fold: LiveFold,
  place: RecordPlace,
  record: IncomingRecord,
  nowMs: number,
): void {
  const value =
    record.value === null ? null : (JSON.parse(record.value.toString('utf8')) as unknown)
  // Stage one writes these topics; their shape is the contract's.
  switch (place.topic) {
    case topics.enriched.name:
      if (value !== null) fold.applyEvent(value as EnrichedEvent, place, nowMs)
      return
    case topics.rejected.name:
      if (value !== null) fold.applyRejected(value as RejectedEvent, place, nowMs)
      return
    case topics.sessions.name:
      fold.applySession(place.key ?? '', value as SessionRecord | null)
      return
    case topics.carts.name:
      fold.applyCart(place.key ?? '', value as CartRecord | null)
  }
}

function textOf(key: Buffer | null): string | null {
  return key === null ? null : key.toString('utf8')
}
