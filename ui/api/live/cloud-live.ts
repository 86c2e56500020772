// Live of the cloud: a fold and its readers, fed by Pub/Sub, made when somebody first asks for it and let go a while
// after the last one has left. Nothing of the local side gets in: where the bridge or Pub/Sub is away, nothing moves,
// and each frame says why.

import { randomUUID } from 'node:crypto'
import type { Clock, DomainClock, Timer } from '../../../stack/base/clock.ts'
import type { Logger } from '../../../stack/base/logger.ts'
import type { Metrics } from '../../../stack/base/metrics.ts'
import { minuteMs, secondMs } from '../../../stack/base/units.ts'
import type { Settings } from '../../../stack/contract/settings.ts'
import type { BridgeSource, BridgeWord, StreamStatus } from '../bridge/status.ts'
import type { Cloud, GivenPlace } from '../cloud.ts'
import type { Trouble } from '../cloud/trouble.ts'
import type { Parts } from '../parts.ts'
import type { CloudFeed } from './cloud-feed.ts'
import { startCloudFeed } from './cloud-feed.ts'
import type { LiveSurroundings } from './fold.ts'
import { eventsKeptMs, LiveFold } from './fold.ts'
import { LiveHub } from './hub.ts'
import { feedTopics } from './records.ts'

export interface CloudLiveOptions {
  cloud: Cloud
  bridge: BridgeSource
  parts: Parts
  settings: Settings
  productNames: ReadonlyMap<string, string>
  clock: Clock
  domainClock: DomainClock
  metrics: Metrics
  logger: Logger
  /** After the last reader has left. */
  keptOpenMs?: number
}

export interface LiveSide {
  fold: LiveFold
  hub: LiveHub
}

interface Opened extends LiveSide {
  feed: CloudFeed
  watching: Timer
  askedMs: number
}

const defaultKeptOpenMs = minuteMs
const watchMs = secondMs

export class CloudLive {
  readonly #options: CloudLiveOptions
  #opened: Opened | undefined
  #closing: Promise<void> = Promise.resolve()

  constructor(options: CloudLiveOptions) {
    this.#options = options
  }

  /** Opens it unless it is open; undefined where the cloud is off. */
  side(): LiveSide | undefined {
    const { cloud, clock } = this.#options
    if (cloud.place.mode === 'off') return undefined
    this.#opened ??= this.#open(cloud.place)
    this.#opened.askedMs = clock.monotonicMs()
    return this.#opened
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  /** Test control, as of the local side. */
  drop(): number {
    return this.#opened?.hub.drop() ?? 0
  }

  async close(): Promise<void> {
    this.#letGo()
    await this.#closing
  }

  #open(place: GivenPlace): Opened {
    const { cloud, settings, productNames, clock, domainClock, metrics, logger } = this.#options
    const id = randomUUID().slice(0, 8)
    const backToMs = domainClock.now() - eventsKeptMs
    const fold = new LiveFold({ settings, epoch: id, backToMs, productNames })
    const feed = startCloudFeed({
      connect: () => cloud.pubSub(),
      place,
      id,
      fold,
      clock,
      domainClock,
      logger,
    })
    const surroundings = () => this.#surroundings(feed)
    const hub = new LiveHub({ name: 'cloud_live', fold, clock, domainClock, metrics, surroundings })
    return {
      fold,
      feed,
      hub,
      askedMs: clock.monotonicMs(),
      watching: clock.every(watchMs, () => this.#watch()),
    }
  }

  #watch(): void {
    const { clock, keptOpenMs = defaultKeptOpenMs } = this.#options
    if (!this.#opened) return
    if (this.#opened.hub.readers > 0) this.#opened.askedMs = clock.monotonicMs()
    else if (clock.monotonicMs() - this.#opened.askedMs > keptOpenMs) this.#letGo()
  }

  #letGo(): void {
    const opened = this.#opened
    if (!opened) return
    this.#opened = undefined
    opened.watching.cancel()
    opened.hub.close()
    this.#closing = Promise.all([this.#closing, opened.feed.close()]).then(() => {})
  }

  #surroundings(feed: CloudFeed): LiveSurroundings {
    const { bridge, parts } = this.#options
    const word = bridge.last()
    return {
      source: 'cloud',
      away: parts.away(),
      lag: lagOf(word),
      trouble: feed.trouble() ?? troubleOf(word),
    }
  }
}

/** What the bridge has not sent of the topics that the fold is made of. */
export function lagOf(word: BridgeWord | undefined): { records: number; seconds: number } {
  const streams = streamsOf(word)
  const records = streams.reduce((sum, { lagRecords }) => sum + lagRecords, 0)
  const oldestMs = Math.max(0, ...streams.map(({ oldestUnsentMs }) => oldestUnsentMs ?? 0))
  return { records, seconds: Math.round(oldestMs / 100) / 10 }
}

/** Of a stream that waits or is stopped. */
export function troubleOf(word: BridgeWord | undefined): Trouble | null {
  const held = streamsOf(word).find(({ state }) => state === 'stopped' || state === 'waiting')
  if (!held) return null
  const how = held.state === 'stopped' ? 'has stopped' : 'waits'
  const title = `The bridge ${how} at ${held.stream}`
  return { kind: 'other', title, says: held.detail, steps: [] }
}

function streamsOf(word: BridgeWord | undefined): StreamStatus[] {
  if (word?.is !== 'there') return []
  const lane = word.status.lanes.find((each) => each.lane === 'topics')
  return (lane?.streams ?? []).filter(({ stream }) =>
    feedTopics.some((topic) => stream.startsWith(`${topic}-`)),
  )
}
