// For the tests of this room: a history in memory, and records as the topics carry them.

import type { Random } from '#stack/base/random.ts'
import { minuteMs, secondMs } from '#stack/base/units.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import type { EnrichedEvent, EventFlag } from '#stack/contract/events.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { topics } from '#stack/contract/topics.ts'
import type { IncomingRecord } from '#stack/kafka-client/records.ts'
import type { LocalLog } from '../local-log.ts'
import { Batch, historyTopics } from './batch.ts'
import { defaultLimits } from './database.ts'
import { openHistory } from './history-file.ts'
import type { History } from './history-file.ts'
import { rowPieces, tableRef } from './query/rows.ts'

export interface TestHistory extends History, AsyncDisposable {}

export async function memoryHistory(settings: Settings = defaultSettings): Promise<TestHistory> {
  const history = await openHistory(':memory:', 1, { settings, limits: defaultLimits })
  return { ...history, [Symbol.asyncDispose]: () => history.close() }
}

/** Rows as they travel. */
export async function tableRows(
  { database, state, settings }: History,
  table: string,
  { afterSeq = 0, toSeq = state.lastSeq } = {},
): Promise<Record<string, unknown>[]> {
  const range = { afterSeq, toSeq, limit: Number.MAX_SAFE_INTEGER, derivedBy: settings }
  const session = await database.session()
  try {
    const pieces: string[] = []
    for await (const piece of rowPieces(session.connection, tableRef(table), range)) {
      pieces.push(piece)
    }
    const lines = pieces.join('').split('\n')
    return lines.flatMap((line) =>
      line === '' ? [] : [JSON.parse(line) as Record<string, unknown>],
    )
  } finally {
    session.close()
  }
}

/** Everything the topics hold: in one transaction, in pieces, or in small pieces at random speeds. */
export async function readTopics(
  log: LocalLog,
  history: History,
  { random, transactionRecords = Infinity }: { random?: Random; transactionRecords?: number } = {},
): Promise<void> {
  const lanes = historyTopics.flatMap((topic) =>
    Array.from({ length: log.partitionCount }, (_, partition) => ({
      topic,
      partition,
      records: [...log.partition(topic, partition)],
    })),
  )
  let batch = new Batch()
  for (;;) {
    const waiting = lanes.filter(({ records }) => records.length > 0)
    const lane = waiting[random ? random.int(Math.max(waiting.length, 1)) : 0]
    if (!lane) break
    const { topic, partition, records } = lane
    const taken = records.splice(0, random ? 1 + random.int(20) : transactionRecords)
    for (const record of taken) batch.add(topic, partition, record)
    batch.advance(lane, (taken.at(-1)?.offset ?? 0) + 1)
    if (!random && batch.rows < transactionRecords) continue
    await history.commit(batch)
    batch = new Batch()
  }
  await history.commit(batch)
}

export interface TopicRecord {
  topic: string
  partition: number
  key: string | null
  value: unknown
  headers?: Record<string, string>
}

/** Numbers records per partition as a broker would. */
export class Feed {
  readonly #next = new Map<string, number>()

  batch(records: readonly TopicRecord[]): Batch {
    const batch = new Batch()
    for (const { topic, partition, key, value, headers = {} } of records) {
      const name = `${topic}-${partition}`
      const offset = this.#next.get(name) ?? 0
      this.#next.set(name, offset + 1)
      batch.add(topic, partition, incoming({ key, value, headers, offset }))
      batch.advance({ topic, partition }, offset + 1)
    }
    return batch
  }
}

function incoming(record: {
  key: string | null
  value: unknown
  headers: Record<string, string>
  offset: number
}): IncomingRecord {
  const headers = Object.entries(record.headers).map(([name, text]) => [name, Buffer.from(text)])
  return {
    key: record.key === null ? null : Buffer.from(record.key),
    value: record.value === null ? null : Buffer.from(JSON.stringify(record.value)),
    headers: Object.fromEntries(headers) as Record<string, Buffer>,
    timestampMs: 0,
    offset: record.offset,
  }
}

/** A canonical event as JSON. */
export function eventLine(event: {
  eventId: string
  minute: number
  name?: string
  anonymousId?: string
  userId?: string
  data?: object
  [field: string]: unknown
}): string {
  const { minute, ...fields } = event
  const time = new Date(Date.parse('2024-05-06T10:00:00.000Z') + minute * minuteMs).toISOString()
  return JSON.stringify({
    schemaVersion: '1.0',
    name: 'page_view',
    eventTime: time,
    receivedAt: time,
    source: 'web',
    dialect: 'native',
    ...(fields.anonymousId === undefined && fields.userId === undefined && { anonymousId: 'A' }),
    data: {},
    ...fields,
  })
}

/** A canonical event as stage one would enrich it, as far as money and links look at it. */
export function enrichedRecord(
  line: string,
  offset: number,
  { settings = defaultSettings, partition = 0 }: { settings?: Settings; partition?: number } = {},
): TopicRecord {
  const decoded = decodeEvent(line)
  if (!decoded.ok) throw new Error(`${decoded.reason}: ${line}`)
  const { event } = decoded
  const lagMs = Date.parse(event.receivedAt) - Date.parse(event.eventTime)
  const agent = event.context?.userAgent ?? ''
  const flags: EventFlag[] = [...(event.flags ?? [])]
  if (/bot|crawler/i.test(agent)) flags.push('bot')
  if (event.context?.test === true) flags.push('test')
  if (lagMs > settings.watermarkDelayMs) flags.push('late')
  if (lagMs > settings.allowedLatenessMs) flags.push('tooLate')
  const enriched: EnrichedEvent = {
    ...event,
    flags,
    input: { topic: topics.events.name, partition, offset },
    country: null,
    region: null,
    device: null,
    browser: null,
    os: null,
    personId: null,
    session: null,
    processedAt: new Date(Date.parse(event.receivedAt) + secondMs).toISOString(),
  }
  return { topic: topics.enriched.name, partition, key: null, value: enriched }
}
