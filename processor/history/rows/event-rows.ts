// Enriched events as rows of `events`, in the order of the contract's columns. The record's bytes go into the arena of
// the chunk as they are, and texts are spans of them.

import type { ColumnType } from '#stack/contract/tables.ts'
import { storedColumns, structFields } from '#stack/contract/tables.ts'
import { Rows } from '../columns.ts'
import type { Cell } from '../columns.ts'
import { ListColumn, Int64Column, TextColumn } from '#stack/duckdb/vectors.ts'
import { reading } from './event-reading.ts'
import type { EventReading } from './event-reading.ts'

type Of = (event: EventReading) => Cell

/** By column: where the record has it, as a field's path; or how it is made. */
const sources: Readonly<Record<string, string | Of>> = {
  event_id: 'eventId',
  source: 'source',
  name: 'name',
  custom_name: 'customName',
  event_time: ({ timeMs }) => timeMs,
  sent_at: 'sentAt',
  received_at: ({ receivedMs }) => receivedMs,
  schema_version: 'schemaVersion',
  dialect: 'dialect',
  anonymous_id: 'anonymousId',
  user_id: 'userId',
  producer_session_id: 'sessionId',
  cart_id: 'cartId',
  producer_seq: 'seq',
  order_id: 'data.orderId',
  currency: 'data.currency',
  value_minor: ({ valueMinor }) => valueMinor,
  items: 'data.items',
  page_url: 'context.page.url',
  page_path: 'context.page.path',
  page_title: 'context.page.title',
  page_referrer: 'context.page.referrer',
  page_type: 'context.page.type',
  campaign_source: 'context.campaign.source',
  campaign_medium: 'context.campaign.medium',
  campaign_name: 'context.campaign.name',
  country: 'country',
  region: 'region',
  device: 'device',
  browser: 'browser',
  os: 'os',
  is_bot: ({ flags }) => flags.isBot,
  is_test: ({ isTest }) => isTest,
  is_late: ({ flags }) => flags.isLate,
  is_too_late: ({ flags }) => flags.isTooLate,
  consent_analytics: 'context.consent.analytics',
  consent_marketing: 'context.consent.marketing',
  flags: ({ flags }) => flags.sorted,
  data: 'data',
  extra: 'extra',
  _kafka_topic: 'input.topic',
  _kafka_partition: 'input.partition',
  _kafka_offset: 'input.offset',
}

const { scan } = reading
const dataPageType = scan.slotOf('data.pageType')
const itemSlots = Object.keys(structFields.items).map((name) => scan.slotOf(`data.items.${name}`))

type Put = (base: number, seq: number) => void

export class EventRows {
  readonly rows: Rows
  readonly #puts: Put[]

  constructor(epoch: number) {
    const columns = storedColumns('events', 'current')
    this.rows = new Rows(columns.map(([, { type }]) => type))
    this.#puts = columns.map(([name, { type }], i) => {
      const column = this.rows.columns[i]
      if (name === '_seq') return (_, seq) => column?.push(seq)
      if (name === '_epoch') return () => column?.push(epoch)
      return this.#putOf(name, type, i)
    })
  }

  /** The event that was read last, under this number. */
  add(seq: number): void {
    const base = this.rows.arena.add(scan.bytes)
    for (const put of this.#puts) put(base, seq)
  }

  #putOf(name: string, type: ColumnType, i: number): Put {
    const column = this.rows.columns[i]
    const source = sources[name]
    if (typeof source === 'function') return () => column?.push(source(reading))
    const slot = scan.slotOf(source as string)
    if (column instanceof ListColumn) return (base) => this.#putItems(column, base)
    if (column instanceof TextColumn) {
      if (name === 'page_type') {
        return (base) => this.#putText(column, base, reading.has(slot) ? slot : dataPageType)
      }
      return type === 'json'
        ? (base) => putSpan(column, base, slot)
        : (base) => this.#putText(column, base, slot)
    }
    if (type === 'timestamp') {
      return () => column?.push(reading.has(slot) ? reading.time(slot) : null)
    }
    if (type === 'boolean') return () => column?.push(reading.truth(slot))
    return () => column?.push(reading.has(slot) ? reading.integer(slot) : null)
  }

  #putText(column: TextColumn, base: number, slot: number): void {
    if (scan.hasEscapes && reading.has(slot)) column.push(reading.text(slot))
    else putSpan(column, base, slot)
  }

  #putItems(list: ListColumn, base: number): void {
    const { elementStarts: starts, elementEnds: ends, elementCount, elementWidth } = scan
    list.pushSize(elementCount)
    for (let element = 0; element < elementCount; element++) {
      list.fields.forEach((column, i) => {
        const at = element * elementWidth + (itemSlots[i] as number)
        const [start, end] = [starts[at] as number, ends[at] as number]
        if (start === -1) column.push(null)
        else if (column instanceof Int64Column) column.push(reading.integerAt(start, end))
        else if (scan.hasEscapes) column.push(reading.textAt(start, end))
        else (column as TextColumn).pushSpan(base + start, end - start)
      })
    }
  }
}

function putSpan(column: TextColumn, base: number, slot: number): void {
  const start = scan.starts[slot] as number
  if (start === -1) column.pushNull()
  else column.pushSpan(base + start, (scan.ends[slot] as number) - start)
}
