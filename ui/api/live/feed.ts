// Kafka into the fold: enriched and rejected events, sessions and carts, each topic from its own stretch back by the
// records' time. The group exists only for the client library's sake: positions are kept here and nothing is
// committed. Records older than the window are told by their time and skipped unparsed; where nothing else comes, as
// while a first start writes days of past traffic, the feed stops fetching and looks only at offsets until there is a
// record of the window, or nothing is written any more.

import { randomUUID } from 'node:crypto'
import { topics } from '../../../stack/contract/topics.ts'
import type { Clock, DomainClock } from '../../../stack/base/clock.ts'
import { messageOf } from '../../../stack/base/errors.ts'
import type { Logger } from '../../../stack/base/logger.ts'
import { secondMs } from '../../../stack/base/units.ts'
import type { KafkaPort } from '../../../stack/kafka-client/connect.ts'
import type { KafkaConsumer } from '../../../stack/kafka-client/consumer.ts'
import type { Position, RecordBatch, TopicPartition } from '../../../stack/kafka-client/records.ts'
import { partitionName } from '../../../stack/kafka-client/records.ts'
import type { LiveFold } from './fold.ts'
import { applyRecord, feedTopics, windowStartMs } from './records.ts'

/** So many events in a row before the window are past traffic on its way through, not a few that came late. */
const pastRunRecords = 5000
const lookEveryMs = secondMs

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
  const { kafka, clock, logger } = options
  const progress = new Map<string, Progress>()
  const groupId = `slipway-ui-${randomUUID()}`
  const past = new PastRun()
  let isClosed = false
  let isWaiting = false
  let waiting = Promise.resolve()

  let restedMs = -Infinity
  /** Once for all partitions of a fetch, not once for each. */
  const rest = async (): Promise<void> => {
    const pauseMs = options.pauseMs()
    if (pauseMs === 0 || clock.monotonicMs() - restedMs < pauseMs) return
    await clock.sleep(pauseMs)
    restedMs = clock.monotonicMs()
  }

  const waitForPresent = async (): Promise<void> => {
    logger.debug('past traffic is being written; the live view waits for the present')
    await (await following).close()
    await untilPresent(options, progress, () => isClosed)
    if (isClosed) return
    isWaiting = false
    following = follow()
    await following
  }

  const follow = (): Promise<KafkaConsumer> =>
    kafka.consume({
      groupId,
      topics: feedTopics,
      from: 'end',
      maxWaitMs: secondMs / 2,
      onAssigned: (assigned) => startPositions(options, progress, assigned),
      async onBatch(batch) {
        // What is still handed over while the consumer closes is not noted, so it is read again if it is wanted.
        if (isWaiting) return
        const isOld = applyBatch(options, batch)
        noteProgress(progress, batch, options.domainClock.now())
        if (batch.topic === topics.enriched.name && past.note(isOld, batch.records.length)) {
          isWaiting = true
          waiting = waitForPresent().catch(options.onCrash)
        } else if (batch.nextOffset >= batch.highWatermark) await rest()
      },
      onCrash: options.onCrash,
    })
  let following = follow()
  await following

  return {
    lag() {
      let records = 0
      let oldestMs = Infinity
      for (const { offset, endOffset, recordMs } of progress.values()) {
        if (endOffset <= offset) continue
        records += endOffset - offset
        oldestMs = Math.min(oldestMs, recordMs)
      }
      const seconds = records === 0 ? 0 : (options.domainClock.now() - oldestMs) / secondMs
      return { records, seconds: Math.max(0, Math.round(seconds * 10) / 10) }
    },
    positions: () =>
      [...progress.values()].map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    isCaughtUp: () =>
      progress.size > 0 && [...progress.values()].every((each) => each.offset >= each.endOffset),
    async close() {
      isClosed = true
      await waiting
      await (await following).close()
      const admin = await kafka.admin()
      await admin
        .deleteGroups([groupId])
        .catch((error) => logger.debug('group not deleted', { groupId, error: messageOf(error) }))
      await admin.close()
    },
  }
}

/** Counts events in a row that are before the window. */
class PastRun {
  #records = 0

  /** True when the run has become past traffic; the next one is counted afresh. */
  note(isOld: boolean, records: number): boolean {
    this.#records = isOld ? this.#records + records : 0
    if (this.#records < pastRunRecords) return false
    this.#records = 0
    return true
  }
}

/** Never back, and never before the window: after a wait what was written meanwhile is passed over. */
async function startPositions(
  { kafka, domainClock, fold }: FeedOptions,
  progress: Map<string, Progress>,
  assigned: readonly TopicPartition[],
): Promise<Position[]> {
  const admin = await kafka.admin()
  try {
    const positions: Position[] = []
    for (const topic of new Set(assigned.map((each) => each.topic))) {
      const fromMs = windowStartMs(topic, domainClock.now())
      const [offsets, ends] = await Promise.all([
        admin.offsetsAt(topic, fromMs),
        admin.endOffsets(topic),
      ])
      for (const { partition } of assigned.filter((each) => each.topic === topic)) {
        const name = partitionName({ topic, partition })
        const known = progress.get(name)
        const offset = Math.max(known?.offset ?? 0, offsets[partition] ?? 0)
        const endOffset = ends[partition] ?? offset
        progress.set(name, {
          topic,
          partition,
          offset,
          endOffset,
          recordMs: Math.max(known?.recordMs ?? 0, fromMs),
        })
        positions.push({ topic, partition, offset })
        if (topic === topics.enriched.name) {
          fold.observe(partition, 0, offset >= endOffset, domainClock.now())
        }
      }
    }
    return positions
  } finally {
    await admin.close()
  }
}

/** Looks at offsets only, until an event of the window is there or nothing was written from one look to the next. */
async function untilPresent(
  options: FeedOptions,
  progress: Map<string, Progress>,
  isClosed: () => boolean,
): Promise<void> {
  let before: string | undefined
  while (!isClosed()) {
    await options.clock.sleep(lookEveryMs)
    try {
      const { ends, hasPresent } = await lookAhead(options)
      noteEnds(progress, ends)
      if (hasPresent || String(ends) === before) return
      before = String(ends)
    } catch (error) {
      options.logger.debug('the broker did not tell its offsets', { error: messageOf(error) })
    }
  }
}

/** Where the enriched events end, and whether one of the window is among them. */
async function lookAhead({
  kafka,
  domainClock,
}: FeedOptions): Promise<{ ends: number[]; hasPresent: boolean }> {
  const topic = topics.enriched.name
  const admin = await kafka.admin()
  try {
    const ends = await admin.endOffsets(topic)
    const present = await admin.offsetsAt(topic, windowStartMs(topic, domainClock.now()))
    return { ends, hasPresent: ends.some((end, i) => (present[i] ?? end) < end) }
  } finally {
    await admin.close()
  }
}

function noteProgress(progress: Map<string, Progress>, batch: RecordBatch, nowMs: number): void {
  const { topic, partition, nextOffset } = batch
  progress.set(partitionName(batch), {
    topic,
    partition,
    offset: nextOffset,
    endOffset: Math.max(batch.highWatermark, nextOffset),
    recordMs: batch.records.at(-1)?.timestampMs ?? nowMs,
  })
}

function noteEnds(progress: Map<string, Progress>, ends: readonly number[]): void {
  for (const [partition, endOffset] of ends.entries()) {
    const known = progress.get(partitionName({ topic: topics.enriched.name, partition }))
    if (known) known.endOffset = Math.max(known.endOffset, endOffset)
  }
}

/** True when every record of it is before the window. */
function applyBatch({ fold, domainClock, logger }: FeedOptions, batch: RecordBatch): boolean {
  const nowMs = domainClock.now()
  const { topic, partition } = batch
  const fromMs = windowStartMs(topic, nowMs)
  let newestMs = 0
  for (const record of batch.records) {
    newestMs = Math.max(newestMs, record.timestampMs)
    if (record.timestampMs < fromMs) continue
    const { offset, key, value } = record
    applyRecord(
      fold,
      { topic, partition, offset, key: key?.toString('utf8') ?? null },
      { value, nowMs, logger },
    )
  }
  if (topic === topics.enriched.name && batch.records.length > 0) {
    fold.observe(partition, newestMs, batch.nextOffset >= batch.highWatermark, nowMs)
  }
  fold.prune(nowMs)
  return newestMs < fromMs
}
