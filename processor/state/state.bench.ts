// Memory and speed of many open sessions: visitors who each looked at a few pages, in every partition, and then traffic
// that touches them at random. What is counted is what the states need beyond an empty stage, in bytes of the process;
// garbage collection is watched for its longest pause.

import { PerformanceObserver } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isoTime, minuteMs, secondMs } from '#stack/base/units.ts'
import { createCatalogue } from '#stack/contract/catalogue.ts'
import { eventKey } from '#stack/contract/event-record.ts'
import type { EventName, ShopEvent } from '#stack/contract/events.ts'
import { defaultSettings as settings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import { Random } from '#stack/base/random.ts'
import { partitionForKey } from '#stack/kafka-client/partitioner.ts'
import type { IncomingRecord } from '#stack/kafka-client/records.ts'
import { createEnricher } from '../enrich/enricher.ts'
import { nowhere } from '../enrich/geography.ts'
import { VisitorStage } from '../stage-one.ts'
import { PersonStage } from '../stage-two.ts'
import type { Stage } from '../stage.ts'
import { InputWatermark } from '../time/watermark.ts'
import { Restored } from './changelog.ts'

export interface StateBench {
  sessions: number
  carts: number
  bytesPerSession: number
  /** In both stages, the event that opened it included. */
  bytesPerCart: number
  eventsPerSecond: number
  pauseMsMax: number
}

export interface StateBenchOptions {
  sessions: number
  carts: number
  /** Events of each session when it is opened, beside the one that opens a cart. */
  eventsPerSession?: number
  /** Events at random after that, for the speed. */
  events?: number
}

const partitionCount = 4
const cutRecords = 2048
const startMs = Date.parse('2026-03-01T10:00:00.000Z')

export async function benchState(options: StateBenchOptions): Promise<StateBench> {
  const { sessions, carts, eventsPerSession = 3, events = 100_000 } = options
  const pauses = watchPauses()
  const run = new Run()
  const emptyBytes = residentBytes()
  for (let round = 0; round < eventsPerSession; round++) {
    for (let visitor = 0; visitor < sessions; visitor++) run.take(visitor, 'page_view')
  }
  run.cut()
  const sessionBytes = residentBytes() - emptyBytes
  for (let visitor = 0; visitor < carts; visitor++) run.take(visitor, 'add_to_cart')
  run.cut()
  const cartBytes = residentBytes() - emptyBytes - sessionBytes
  const random = new Random('state')
  const started = process.cpuUsage()
  for (let i = 0; i < events; i++) run.take(random.int(sessions), 'page_view')
  run.cut()
  const { user, system } = process.cpuUsage(started)
  return {
    sessions: run.keys,
    carts: run.cartKeys,
    bytesPerSession: sessionBytes / sessions,
    bytesPerCart: carts === 0 ? 0 : cartBytes / carts,
    eventsPerSecond: events / ((user + system) / 1_000_000),
    pauseMsMax: await pauses.longestMs(),
  }
}

/** Stage one, and stage two behind it; everything else that is written is let go. */
class Run {
  readonly #visitors: Stage[]
  readonly #persons: PersonStage[]
  readonly #offsets = Array.from({ length: partitionCount }, () => 0)
  readonly #personOffsets = Array.from({ length: partitionCount }, () => 0)
  #count = 0

  constructor() {
    const watermark = new InputWatermark(settings)
    const enrich = createEnricher({ catalogue: createCatalogue([]), placeOf: () => nowhere })
    const shared = { partitionCount, settings, enrich, watermark, now: () => startMs }
    this.#visitors = this.#offsets.map((_, partition) => new VisitorStage({ ...shared, partition }))
    this.#persons = this.#offsets.map((_, partition) => new PersonStage({ ...shared, partition }))
    for (const stage of [...this.#visitors, ...this.#persons]) stage.restore(new Restored())
  }

  get keys(): number {
    return this.#visitors.reduce((count, { keyCount }) => count + keyCount, 0)
  }

  get cartKeys(): number {
    return this.#persons.reduce((count, { keyCount }) => count + keyCount, 0)
  }

  take(visitor: number, name: EventName): void {
    const event = eventOf(visitor, this.#count++, name)
    const key = Buffer.from(eventKey(event))
    const partition = partitionForKey(key, partitionCount)
    const offset = this.#offsets[partition] as number
    const value = Buffer.from(JSON.stringify(event))
    const record: IncomingRecord = { key, value, headers: {}, timestampMs: startMs, offset }
    this.#visitors[partition]?.take(record)
    this.#offsets[partition] = offset + 1
    if ((offset + 1) % cutRecords === 0) this.#cutVisitors(partition)
  }

  cut(): void {
    for (const partition of this.#visitors.keys()) this.#cutVisitors(partition)
    for (const partition of this.#persons.keys()) this.#cutPersons(partition)
  }

  #cutVisitors(partition: number): void {
    const cut = this.#visitors[partition]?.cut(
      decision(this.#offsets[partition] as number),
      isoTime(startMs),
    )
    for (const { topic, records } of cut?.outputs ?? []) {
      if (topic !== topics.cartsByPerson.name) continue
      for (const { key, value } of records) {
        if (key === null || value === null) continue
        const to = partitionForKey(key, partitionCount)
        const offset = this.#personOffsets[to] as number
        const bytes = Buffer.from(value)
        this.#persons[to]?.take({ key: null, value: bytes, headers: {}, timestampMs: 0, offset })
        this.#personOffsets[to] = offset + 1
        if ((offset + 1) % cutRecords === 0) this.#cutPersons(to)
      }
    }
  }

  #cutPersons(partition: number): void {
    const nextOffset = this.#personOffsets[partition] as number
    this.#persons[partition]?.cut(decision(nextOffset), isoTime(startMs))
  }
}

function decision(nextOffset: number) {
  return { number: 1, nextOffset, watermarkMs: startMs - minuteMs, handsWatermark: false }
}

/** All of one quarter of an hour, so that every session stays open. */
function eventOf(visitor: number, count: number, name: EventName): ShopEvent {
  const eventTime = isoTime(startMs + (count % 900) * secondMs)
  const page = `https://shop.example/products/TT-${String(count % 600).padStart(3, '0')}`
  const line = { productId: `TT-${count % 600}`, quantity: 1, unitPriceMinor: 1999 }
  return {
    schemaVersion: '1.0',
    eventId: `v-${visitor.toString(36)}-${count.toString(36)}`,
    name,
    eventTime,
    receivedAt: eventTime,
    source: 'web',
    dialect: 'native',
    anonymousId: `v-${visitor.toString(36)}`,
    seq: count,
    context: { page: { url: page }, consent: { analytics: true, marketing: false } },
    data: name === 'add_to_cart' ? { items: [line], currency: 'EUR' } : { pageType: 'product' },
  }
}

function residentBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (how: object) => void
  // Any other keeps the pages that it emptied, for the next burst.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  return process.memoryUsage.rss()
}

function watchPauses(): { longestMs(): Promise<number> } {
  let longestMs = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  return {
    async longestMs() {
      // Entries are handed over some turns of the loop after their collection.
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      observer.disconnect()
      return longestMs
    },
  }
}
