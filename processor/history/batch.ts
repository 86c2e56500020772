// What one transaction brings: the records read since the last one, reduced to rows and to the few facts that the
// writer decides by. A batch is filled while the one before it is written; `rows` bounds it.

import type { EnrichedEvent, InputPosition, RejectedEvent } from '#stack/contract/events.ts'
import type { Ordered } from '#stack/contract/order.ts'
import { loadEndHeader, topics } from '#stack/contract/topics.ts'
import type { IncomingRecord, TopicPartition } from '#stack/kafka-client/records.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import { visitorOf } from '#stack/contract/ids.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { Cell } from './columns.ts'
import { moneyFactOf } from './money/facts.ts'
import type { MoneyFact } from './money/facts.ts'
import { eventCells } from './rows/event-row.ts'
import { cartKeyParts, tombstoneOf, versionOf } from './rows/version-row.ts'
import type { Version } from './rows/version-row.ts'

export interface PendingEvent {
  cells: Cell[]
  input: InputPosition
  ordered: Ordered
  visitor: string
  anonymousId: string | null
  userId: string | null
  isBot: boolean
  isLate: boolean
  /** R2: names both identities, and is a person's. */
  isLink: boolean
  /** R24: counts for the pace of its visitor. */
  hasPace: boolean
  isNobody: boolean
  money: MoneyFact | undefined
  /** The catalogue's prices, where an item names none itself. */
  listPrices: EnrichedEvent['listPrices']
}

export interface PendingRejection {
  rejected: RejectedEvent
  /** The input position, else the record's own. */
  at: InputPosition
}

export interface PendingVersion {
  version: Version
  /** The record that brought it. */
  at: InputPosition
}

export interface Verdict {
  abandonmentId: string
  cartKey: string
  revision: number
  json: string
  at: InputPosition
}

export class Batch {
  readonly events: PendingEvent[] = []
  readonly rejections: PendingRejection[] = []
  readonly loadEnds: InputPosition[] = []
  readonly sessions: PendingVersion[] = []
  readonly carts: PendingVersion[] = []
  readonly verdicts: Verdict[] = []
  /** The next offset of each topic and partition. */
  readonly positions = new Map<string, InputPosition>()
  rows = 0

  /** Throws what JSON.parse throws; the caller knows the coordinates. */
  add(topic: string, partition: number, record: IncomingRecord, settings: Settings): void {
    const at = { topic, partition, offset: record.offset }
    this.rows++
    adders[topic]?.(this, record, at, settings)
  }

  advance(at: TopicPartition, nextOffset: number): void {
    const { topic, partition } = at
    this.positions.set(partitionName(at), { topic, partition, offset: nextOffset })
  }

  isEmpty(): boolean {
    return this.positions.size === 0
  }
}

type Adder = (batch: Batch, record: IncomingRecord, at: InputPosition, settings: Settings) => void

const adders: Record<string, Adder> = {
  [topics.enriched.name](batch, record, _at, settings) {
    if (record.value !== null) batch.events.push(pendingEvent(parse(record.value), settings))
  },
  [topics.rejected.name](batch, record, at) {
    if (record.headers[loadEndHeader] !== undefined) {
      batch.loadEnds.push(positionOf(String(record.key)))
    } else if (record.value !== null) {
      const rejected: RejectedEvent = parse(record.value)
      batch.rejections.push({ rejected, at: rejected.input ?? at })
    }
  },
  [topics.sessions.name](batch, record, at) {
    const version =
      record.value === null
        ? tombstoneOf('sessions', [String(record.key)])
        : versionOf('sessions', parse(record.value))
    batch.sessions.push({ version, at })
  },
  [topics.carts.name](batch, record, at) {
    const version =
      record.value === null
        ? tombstoneOf('carts', cartKeyParts(String(record.key)))
        : versionOf('carts', parse(record.value))
    batch.carts.push({ version, at })
  },
  [topics.abandonment.name](batch, record, at) {
    if (record.value === null) return
    const json = record.value.toString('utf8')
    const { abandonmentId, cartKey, revision }: Verdict = JSON.parse(json) as Verdict
    batch.verdicts.push({ abandonmentId, cartKey, revision, json, at })
  },
}

export const historyTopics = Object.keys(adders)

/** What our own stages wrote is of the type its topic promises. */
function parse(value: Buffer): never {
  return JSON.parse(value.toString('utf8')) as never
}

/** `topic-partition@offset`, the key of a record that tells of a position without an event. */
function positionOf(key: string): InputPosition {
  const at = key.lastIndexOf('@')
  const dash = key.lastIndexOf('-', at)
  return {
    topic: key.slice(0, dash),
    partition: Number(key.slice(dash + 1, at)),
    offset: Number(key.slice(at + 1)),
  }
}

function pendingEvent(event: EnrichedEvent, settings: Settings): PendingEvent {
  const { flags = [], anonymousId = null, userId = null, source, name, eventId } = event
  const cells = eventCells(event)
  const isBot = flags.includes('bot')
  const isTest = flags.includes('test') || event.context?.test === true
  const isTooLate = flags.includes('tooLate')
  const isNobody = flags.includes('noConsent')
  return {
    cells,
    input: event.input,
    ordered: { timeMs: Date.parse(event.eventTime), seq: event.seq, name, eventId, source },
    visitor: visitorOf(event),
    anonymousId,
    userId,
    isBot,
    isLate: flags.includes('late') || isTooLate,
    isLink: anonymousId !== null && userId !== null && !isBot && !isTest && !isTooLate && !isNobody,
    hasPace: !isTooLate && !isTest && !isNobody && !settings.serverSources.includes(source),
    isNobody,
    money: moneyFactOf(event),
    listPrices: event.data.items?.some(({ unitPriceMinor }) => unitPriceMinor === undefined)
      ? event.listPrices
      : undefined,
  }
}
