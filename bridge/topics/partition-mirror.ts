// One partition on its way to its topic at Pub/Sub. Records wait by ordering key; of a key one request is under way at a
// time, so that nothing of it is sent before what came earlier is settled. A request that fails in a way that may pass
// is sent again as it was, and its key waits. A record that is refused for what it is goes to the error lane, and the
// partition stops there or goes on behind it.

import type { Clock } from '#stack/base/clock.ts'
import { messageOf as textOf } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import { isoTime, secondMs } from '#stack/base/units.ts'
import type { IncomingRecord, RecordBatch, TopicPartition } from '#stack/kafka-client/records.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import { backOffMs } from '../back-off.ts'
import type { ErrorLane } from '../errors.ts'
import type { StreamCounts, StreamState, StreamStatus } from '../lane.ts'
import type { ErrorPolicy, Ordering } from '../options.ts'
import { messageOf, orderingKeyOf, positionText } from './message.ts'
import type { Message, MessageOfRecord } from './message.ts'
import { backOffs, codeOf, refusalOf, remedyOf } from './refusal.ts'
import type { CodeName } from './refusal.ts'
import type { RequestSlots } from './request-slots.ts'
import type { SendRate } from './send-rate.ts'
import { SettledOffsets } from './settled-offsets.ts'
import type { TopicMetrics } from './topic-metrics.ts'
import type { WaitingBytes } from './waiting-bytes.ts'

export interface MirrorOptions {
  at: TopicPartition
  /** The first record that is to be sent. */
  position: number
  /** Records of an earlier time are left out. */
  sinceMs: number
  /** Full name of the topic at Pub/Sub. */
  target: string
  publish(topic: string, messages: readonly Message[]): Promise<void>
  ordering: Ordering
  onError: ErrorPolicy
  /** Of all partitions; when it is full the partition is to be paused. */
  waiting: WaitingBytes
  pause(): void
  resume(): void
  rate: SendRate
  slots: RequestSlots
  /** From 0 to 1. */
  chance(): number
  errors: ErrorLane
  metrics: TopicMetrics
  clock: Clock
  logger: Logger
}

/** A record from its arrival until it is settled. */
interface Entry {
  readonly offset: number
  isSettled: boolean
  readonly timestampMs: number
  readonly bytes: number
  readonly orderingKey: string
  /** Let go when it is settled. */
  record: IncomingRecord | undefined
  built?: MessageOfRecord
}

const unordered = ''
const requestMessagesMax = 1000
/** Pub/Sub takes 10,000,000; the difference is what its own counting may add. */
const requestBytesMax = 9_000_000
const requestsInFlightMax = 32
/** From the first record that is not settled to the last one taken: what one key that waits may hold up. */
const spanMax = 50_000
/** With `skip`: so many one after the other, and none that succeeds, is no matter of the records. */
const refusedInARowMax = 20
const recordOverheadBytes = 600
/** Behind by so many, records wait for more of their key: a request holds one key, and costs as much as several messages. */
const behindRecords = 1000
const lingerMsMax = 5 * secondMs

export class PartitionMirror {
  readonly #options: MirrorOptions
  readonly #settled: SettledOffsets<Entry>
  /** What waits to be sent, by ordering key. */
  readonly #queues = new Map<string, Entry[]>()
  /** Keys of `#queues` that have no request under way, who waits longest first. */
  readonly #ready = new Set<string>()
  /** Keys of which so much waits that more would not fit into their next request. */
  readonly #filled = new Set<string>()
  readonly #requests = new Set<Promise<void>>()
  readonly #abort = new AbortController()
  readonly counts: StreamCounts = { sent: 0, retries: 0, errors: 0, dedupHits: 0 }
  #waitingBytes = 0
  #isPaused = false
  /** The next record to come. */
  #next: number
  #end: number | null = null
  /** Since when there is more to come and room for it. */
  #fillingSinceMs: number | undefined
  #isLingering = false
  #refusedInARow = 0
  /** Since when, and why, nothing gets through. */
  #trouble: { sinceMs: number; detail: string } | undefined
  #stopped: { sinceMs: number; detail: string } | undefined
  #shown: { state: StreamState; sinceMs: number } | undefined

  constructor(options: MirrorOptions) {
    this.#options = options
    this.#settled = new SettledOffsets(options.position)
    this.#next = options.position
  }

  /** Everything below it is settled. */
  get position(): number {
    return this.#settled.position
  }

  take({ records, leftOut, nextOffset, highWatermark }: RecordBatch): void {
    const { sinceMs, metrics } = this.#options
    if (leftOut > 0) metrics.beforeStart.add(leftOut)
    const entries: Entry[] = []
    for (const record of records) {
      // It may have been read before, by this member in an earlier round.
      if (record.offset < this.position) continue
      if (record.timestampMs < sinceMs) metrics.beforeStart.add()
      else entries.push(this.#entryOf(record))
    }
    this.#settled.take(entries, nextOffset)
    for (const entry of entries) this.#enqueue(entry)
    this.#next = nextOffset
    this.endsAt(highWatermark)
    this.#pauseOrResume()
    this.#pump()
  }

  /** Everything before it is of an earlier time. Nothing may have been taken. */
  beginAt(offset: number): void {
    if (offset <= this.position) return
    this.#options.metrics.beforeStart.add(offset - this.position)
    this.#settled.take([], offset)
    this.#next = offset
  }

  /** Where the partition ends, as somebody who asked was told. */
  endsAt(offset: number): void {
    this.#end = Math.max(this.#end ?? 0, offset)
  }

  /** Sends nothing more. Resolves when what is under way is answered, or after `limitMs`. */
  async stop(limitMs: number): Promise<void> {
    this.#abort.abort()
    const settled = Promise.allSettled(this.#requests)
    if (this.#requests.size > 0) {
      const { clock } = this.#options
      const limit = new AbortController()
      await Promise.race([settled, clock.sleep(limitMs, limit.signal).catch(() => {})])
      limit.abort()
    }
  }

  status(): StreamStatus {
    const { at, clock } = this.#options
    const nowMs = clock.now()
    const [state, detail, sinceMs] = this.#state()
    if (this.#shown?.state !== state) this.#shown = { state, sinceMs: sinceMs ?? nowMs }
    const end = this.#end
    return {
      stream: partitionName(at),
      position: this.position,
      targetPosition: end,
      lagRecords: Math.max(0, (end ?? 0) - this.position),
      oldestUnsentMs: this.#oldestUnsentMs(nowMs),
      counts: { ...this.counts },
      state,
      detail,
      sinceMs: this.#shown.sinceMs,
    }
  }

  #state(): [StreamState, string, number?] {
    if (this.#stopped) return ['stopped', this.#stopped.detail, this.#stopped.sinceMs]
    if (this.#trouble) return ['waiting', this.#trouble.detail, this.#trouble.sinceMs]
    if (this.#end !== null && this.position >= this.#end) return ['caught-up', 'everything is sent']
    return ['running', `${(this.#end ?? 0) - this.position} records to go`]
  }

  #oldestUnsentMs(nowMs: number): number | null {
    const oldest = this.#settled.oldest
    return oldest ? Math.max(0, nowMs - oldest.timestampMs) : null
  }

  #entryOf(record: IncomingRecord): Entry {
    const { at, ordering } = this.#options
    const { offset, timestampMs, key, value } = record
    return {
      offset,
      timestampMs,
      isSettled: false,
      record,
      bytes: recordOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0),
      orderingKey: orderingKeyOf(at, key, ordering),
    }
  }

  #enqueue(entry: Entry): void {
    const { orderingKey } = entry
    const queue = this.#queues.get(orderingKey)
    this.#waitingBytes += entry.bytes
    this.#options.waiting.add(entry.bytes)
    if (queue) queue.push(entry)
    else this.#queues.set(orderingKey, [entry])
    if (queue?.length === requestMessagesMax) this.#filled.add(orderingKey)
    // What is in no order need not wait for what is under way.
    if (!queue || orderingKey === unordered) this.#ready.add(orderingKey)
  }

  /** A queue stands in `#queues` while something waits in it or is under way from it. */
  #pump(): void {
    for (const key of this.#lingers() ? this.#filled : this.#ready) {
      if (this.#isOver || this.#requests.size >= requestsInFlightMax) return
      if (!this.#ready.has(key)) continue
      const queue = this.#queues.get(key) as Entry[]
      const entries = this.#nextRequest(queue)
      this.#ready.delete(key)
      if (queue.length < requestMessagesMax) this.#filled.delete(key)
      if (key === unordered && queue.length > 0) this.#ready.add(key)
      const request: Promise<void> = this.#send(entries).then(() => this.#answered(key, request))
      this.#requests.add(request)
    }
  }

  /** More of a backlog is on its way, and there is room for it. */
  #lingers(): boolean {
    if (this.#isPaused || (this.#end ?? 0) - this.#next < behindRecords) {
      this.#fillingSinceMs = undefined
      return false
    }
    const nowMs = this.#options.clock.monotonicMs()
    this.#fillingSinceMs ??= nowMs
    const leftMs = this.#fillingSinceMs + lingerMsMax - nowMs
    if (leftMs > 0 && !this.#isLingering) void this.#linger(leftMs)
    return leftMs > 0
  }

  async #linger(ms: number): Promise<void> {
    this.#isLingering = true
    await this.#sleep(ms)
    this.#isLingering = false
    this.#pump()
  }

  #answered(key: string, request: Promise<void>): void {
    this.#requests.delete(request)
    const queue = this.#queues.get(key)
    if (queue?.length === 0) {
      this.#queues.delete(key)
      this.#ready.delete(key)
    } else if (queue) this.#ready.add(key)
    this.#pauseOrResume()
    this.#pump()
  }

  /** Takes from the queue what one request may hold. */
  #nextRequest(queue: Entry[]): Entry[] {
    let count = 0
    let bytes = 0
    while (count < queue.length && count < requestMessagesMax) {
      const entry = queue[count] as Entry
      bytes += this.#built(entry).bytes
      if (count > 0 && bytes > requestBytesMax) break
      count++
    }
    return queue.splice(0, count)
  }

  #built(entry: Entry): MessageOfRecord {
    if (entry.built) return entry.built
    const { at, ordering, metrics } = this.#options
    const built = messageOf(at, entry.record as IncomingRecord, ordering)
    metrics.headersOmitted.add(built.omitted.length)
    entry.built = built
    return built
  }

  /** Resolves when all of them are settled, or nothing more is to be sent. */
  async #send(entries: readonly Entry[]): Promise<void> {
    const [first] = entries
    if (first && entries.length === 1 && this.#built(first).bytes > requestBytesMax) {
      const reason = `the record takes ${this.#built(first).bytes} bytes, a request ${requestBytesMax} at most`
      return this.#divert(first, 'TOO_LARGE', reason, 0)
    }
    const firstMs = this.#options.clock.now()
    for (let attempt = 1; !this.#isOver; attempt++) {
      const error = await this.#publish(entries)
      if (error === undefined || this.#isOver) return
      const code = codeOf(error)
      const refusal = refusalOf(code)
      if (refusal === 'message') return this.#refused(entries, code, error, { attempt, firstMs })
      this.counts.retries++
      this.#options.metrics.retries.add(1, { code })
      this.#waitsFor(code, error)
      const kind = refusal === 'target' ? 'target' : 'passing'
      await this.#sleep(backOffMs(backOffs[kind], attempt, this.#options.chance()))
    }
  }

  /** The error that the request failed with, if it did. */
  async #publish(entries: readonly Entry[]): Promise<unknown> {
    const { publish, target, metrics, clock, rate, slots } = this.#options
    await this.#turn(entries.length)
    await slots.take()
    const startMs = clock.monotonicMs()
    try {
      if (this.#isOver) return undefined
      const messages = entries.map((entry) => this.#built(entry).message)
      await publish(target, messages)
    } catch (error) {
      if (refusalOf(codeOf(error)) === 'too-fast') rate.complain(clock.monotonicMs())
      return error
    } finally {
      slots.release()
    }
    metrics.requestMs.observe(clock.monotonicMs() - startMs)
    metrics.sent.add(entries.length)
    this.counts.sent += entries.length
    this.#trouble = undefined
    this.#refusedInARow = 0
    for (const entry of entries) this.#settle(entry)
    return undefined
  }

  /** Until the rate allows it. */
  async #turn(messages: number): Promise<void> {
    const { rate, clock } = this.#options
    for (;;) {
      const waitMs = rate.take(messages, clock.monotonicMs())
      if (waitMs === 0 || this.#isOver) return
      await this.#sleep(waitMs)
    }
  }

  /** All of them are refused together: which of them is meant is found by halves, in their order. */
  async #refused(
    entries: readonly Entry[],
    code: CodeName,
    error: unknown,
    { attempt, firstMs }: { attempt: number; firstMs: number },
  ): Promise<void> {
    if (entries.length === 1) {
      const [entry] = entries as readonly [Entry]
      this.#refusedInARow++
      const mayGoOn = this.#options.onError === 'skip' && this.#refusedInARow <= refusedInARowMax
      if (mayGoOn) return this.#divert(entry, code, textOf(error), attempt)
      await this.#tell(entry, code, textOf(error), { attempt, firstMs })
      return this.#stopAt(entry, code, error)
    }
    const half = Math.ceil(entries.length / 2)
    await this.#send(entries.slice(0, half))
    await this.#send(entries.slice(half))
  }

  /** To the error lane, and on. */
  async #divert(entry: Entry, code: string, reason: string, attempt: number): Promise<void> {
    await this.#tell(entry, code, reason, { attempt, firstMs: this.#options.clock.now() })
    if (!this.#isOver) this.#settle(entry)
  }

  async #tell(
    entry: Entry,
    code: string,
    reason: string,
    { attempt, firstMs }: { attempt: number; firstMs: number },
  ): Promise<void> {
    const { at, target, errors, metrics, clock, logger } = this.#options
    const position = positionText(at, entry.offset)
    logger.warn('a record is refused', { position, code, reason })
    const value = entry.record?.value ?? null
    const report = {
      lane: 'topics' as const,
      position,
      target,
      code,
      reason,
      attempts: attempt,
      firstAt: isoTime(firstMs),
      lastAt: isoTime(clock.now()),
      payload: value?.toString() ?? null,
    }
    for (let n = 1; !this.#isOver; n++) {
      try {
        await errors.report(report)
        this.counts.errors++
        metrics.errors.add(1, { code })
        return
      } catch (error) {
        logger.warn('an entry of the error lane could not be written', { error: textOf(error) })
        await this.#sleep(backOffMs(backOffs.passing, n, this.#options.chance()))
      }
    }
  }

  #stopAt(entry: Entry, code: CodeName, error: unknown): void {
    const { at, clock, pause } = this.#options
    this.#stopped = {
      sinceMs: clock.now(),
      detail: `${positionText(at, entry.offset)} is refused (${code}: ${textOf(error)}); start the bridge with --on-error skip to leave it out`,
    }
    this.#isPaused = true
    pause()
  }

  #waitsFor(code: CodeName, error: unknown): void {
    const { clock, target } = this.#options
    const remedy = remedyOf(code, error)
    const detail = `${target}: ${code}, ${textOf(error)}${remedy === undefined ? '' : `; ${remedy}`}`
    this.#trouble = { sinceMs: this.#trouble?.sinceMs ?? clock.now(), detail }
  }

  #settle(entry: Entry): void {
    this.#waitingBytes -= entry.bytes
    this.#options.waiting.add(-entry.bytes)
    entry.record = undefined
    delete entry.built
    this.#settled.settle(entry)
  }

  #pauseOrResume(): void {
    const { waiting, pause, resume } = this.#options
    if (this.#isOver) return
    const { span } = this.#settled
    if (!this.#isPaused && (waiting.isFull(this.#waitingBytes) || span > spanMax)) {
      this.#isPaused = true
      pause()
    } else if (this.#isPaused && waiting.hasRoom(this.#waitingBytes) && span < spanMax / 2) {
      this.#isPaused = false
      resume()
    }
  }

  async #sleep(ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, this.#abort.signal).catch(() => {})
  }

  get #isOver(): boolean {
    return this.#stopped !== undefined || this.#abort.signal.aborted
  }
}
