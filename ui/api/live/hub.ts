// The readers of the live view. While somebody listens a frame is built once a second and every reader is woken; with
// nobody there nothing ticks. Each reader remembers the last frame it was sent: the usual one gets the text that all
// share, one that fell behind or came back gets what changed since, a new one everything.

import type { Clock, DomainClock, Timer } from '../../../stack/base/clock.ts'
import type { Metrics } from '../../../stack/base/metrics.ts'
import { secondMs } from '../../../stack/base/units.ts'
import type { LiveFold, LiveSurroundings } from './fold.ts'
import type { LiveFrame } from './frame.ts'
import type { Message, Reader, StreamEnd } from './stream.ts'

export const readersMax = 64
const frameEveryMs = secondMs

export interface HubOptions {
  /** In its metrics. */
  name: 'live' | 'cloud_live'
  fold: LiveFold
  clock: Clock
  domainClock: DomainClock
  metrics: Metrics
  surroundings(): LiveSurroundings
}

export class LiveHub {
  readonly #options: HubOptions
  readonly #readers = new Set<Reader>()
  readonly #ended
  readonly #unlisten: () => void
  #ticking: Timer | undefined
  #builtAtMs = -Infinity
  #shared: { seq: number; text: string } | undefined

  constructor(options: HubOptions) {
    this.#options = options
    const { metrics, name } = options
    const named = (noun: string) => `slipway_ui_${name}_${noun}`
    metrics.gauge(named('readers'), 'open streams of the live view', () => this.readers)
    metrics.gauge(named('frames'), 'frames built', () => options.fold.seq)
    this.#ended = metrics.counter(named('streams_ended_total'), 'streams by their end')
    // A moved clock is seen at once, not with the next second.
    this.#unlisten = options.domainClock.onMove(() => this.#readers.size > 0 && this.#tick())
  }

  get readers(): number {
    return this.#readers.size
  }

  get isFull(): boolean {
    return this.#readers.size >= readersMax
  }

  /** `since` is `<epoch>:<seq>` as frames are named; anything else starts with a snapshot. */
  subscribe(since: string | undefined): {
    next(): Message | undefined
    onOpen(reader: Reader): void
    onEnd(reason: StreamEnd): void
  } {
    let own: Reader | undefined
    let sentSeq = this.#resumeFrom(since)
    return {
      next: () => {
        const { fold } = this.#options
        if (sentSeq !== null && sentSeq >= fold.seq) return undefined
        const data = this.#textSince(sentSeq)
        sentSeq = fold.seq
        return { id: `${fold.epoch}:${fold.seq}`, data }
      },
      onOpen: (reader) => {
        own = reader
        this.#readers.add(reader)
        this.#freshen()
        this.#ticking ??= this.#options.clock.every(frameEveryMs, () => this.#tick())
      },
      onEnd: (reason) => {
        if (own) this.#readers.delete(own)
        this.#ended.add(1, { reason })
        if (this.#readers.size > 0) return
        this.#ticking?.cancel()
        this.#ticking = undefined
      },
    }
  }

  snapshot(): LiveFrame {
    this.#freshen()
    return this.#options.fold.frame(null, this.#options.surroundings())
  }

  close(): void {
    this.#unlisten()
    for (const reader of this.#readers) reader.close('closed')
  }

  /** Test control: every stream is cut, as a lost network would. */
  drop(): number {
    const dropped = this.#readers.size
    for (const reader of this.#readers) reader.close('slow')
    return dropped
  }

  #resumeFrom(since: string | undefined): number | null {
    const { fold } = this.#options
    const match = /^([\w-]{1,64}):(\d{1,15})$/.exec(since ?? '')
    if (!match || match[1] !== fold.epoch) return null
    const seq = Number(match[2])
    return seq <= fold.seq ? seq : null
  }

  #textSince(sentSeq: number | null): string {
    const { fold, surroundings } = this.#options
    if (sentSeq === null || sentSeq < fold.seq - 1) {
      return JSON.stringify(fold.frame(sentSeq, surroundings()))
    }
    if (this.#shared?.seq !== fold.seq) {
      const text = JSON.stringify(fold.frame(sentSeq, surroundings()))
      this.#shared = { seq: fold.seq, text }
    }
    return this.#shared.text
  }

  #freshen(): void {
    if (this.#options.clock.monotonicMs() - this.#builtAtMs >= frameEveryMs) this.#build()
  }

  #tick(): void {
    this.#build()
    for (const reader of this.#readers) reader.wake()
  }

  #build(): void {
    this.#builtAtMs = this.#options.clock.monotonicMs()
    this.#options.fold.build(this.#options.domainClock.now())
  }
}
