// One record of `enriched-user-events` at a time, read in its bytes: what a transaction asks of an event, without the
// event. Money, and items that leave their price out, are asked of the event itself; those are few.

import type { EnrichedEvent, EventFlag, EventName, InputPosition } from '#stack/contract/events.ts'
import { compareBytes } from '#stack/contract/order.ts'
import { Texts } from '#stack/contract/texts.ts'
import { timeAt } from '#stack/contract/time.ts'
import { BoundedCache } from '../../enrich/bounded-cache.ts'
import { merchandiseMinor, moneyItems, valueOfItems } from '../money/value.ts'
import { RecordScan } from './record-scan.ts'

const item = {
  productId: 'text',
  variantId: 'text',
  quantity: 'integer',
  unitPriceMinor: 'integer',
  name: 'text',
  brand: 'text',
  category: 'text',
  discountMinor: 'integer',
  coupon: 'text',
  listId: 'text',
  position: 'integer',
} as const

/** What columns are made of, and what most records have beside it. */
const scan = new RecordScan({
  schemaVersion: 'text',
  eventId: 'text',
  name: 'text',
  eventTime: 'text',
  receivedAt: 'text',
  source: 'text',
  dialect: 'text',
  customName: 'text',
  sentAt: 'text',
  anonymousId: 'text',
  userId: 'text',
  sessionId: 'text',
  cartId: 'text',
  seq: 'integer',
  context: {
    userAgent: 'any',
    locale: 'any',
    page: { url: 'text', path: 'text', title: 'text', referrer: 'text', type: 'text' },
    campaign: { source: 'text', medium: 'text', name: 'text' },
    consent: { analytics: 'truth', marketing: 'truth' },
    test: 'truth',
  },
  data: {
    items: [item],
    currency: 'text',
    orderId: 'text',
    pageType: 'text',
    itemsTotalMinor: 'integer',
  },
  flags: 'any',
  extra: 'any',
  input: { topic: 'text', partition: 'integer', offset: 'integer' },
  country: 'text',
  region: 'text',
  device: 'text',
  browser: 'text',
  os: 'text',
  listPrices: 'any',
  products: 'any',
  personId: 'any',
  session: 'any',
  processedAt: 'any',
})

const slot = (path: string): number => scan.slotOf(path)
const at = {
  eventId: slot('eventId'),
  source: slot('source'),
  name: slot('name'),
  eventTime: slot('eventTime'),
  receivedAt: slot('receivedAt'),
  anonymousId: slot('anonymousId'),
  userId: slot('userId'),
  seq: slot('seq'),
  test: slot('context.test'),
  data: slot('data'),
  items: slot('data.items'),
  itemsTotalMinor: slot('data.itemsTotalMinor'),
  flags: slot('flags'),
  topic: slot('input.topic'),
  partition: slot('input.partition'),
  offset: slot('input.offset'),
  country: slot('country'),
  device: slot('device'),
  listPrices: slot('listPrices'),
} as const
const required = [
  at.eventId,
  at.source,
  at.name,
  at.eventTime,
  at.receivedAt,
  at.data,
  at.topic,
  at.partition,
  at.offset,
]
const ofItem = {
  productId: slot('data.items.productId'),
  quantity: slot('data.items.quantity'),
  unitPriceMinor: slot('data.items.unitPriceMinor'),
  discountMinor: slot('data.items.discountMinor'),
} as const

interface Flags {
  sorted: readonly EventFlag[]
  isBot: boolean
  isTest: boolean
  isLate: boolean
  isTooLate: boolean
  /** Without consent: of no person (1.6). */
  isNobody: boolean
}

/** What an event is marked with, by the text of its flags: they come in few ways. */
const flagsByText = new BoundedCache<Flags>(1024)
const noFlags = flagsOf([])

/** Names, sources, visitors. */
const texts = new Texts(2 ** 14)

class EventReading {
  readonly scan = scan
  timeMs = 0
  receivedMs = 0
  flags = noFlags
  #event: EnrichedEvent | undefined

  /** Throws for what is no event. */
  read(value: Buffer): void {
    // What is JSON in another form is read in the form that JSON.stringify gives it.
    if (!scan.scan(value) && !scan.scan(Buffer.from(JSON.stringify(JSON.parse(String(value)))))) {
      throw new Error('fields are not of their kinds')
    }
    for (const field of required) {
      if (!this.has(field)) throw new Error('it is no enriched event')
    }
    this.#event = undefined
    this.timeMs = this.time(at.eventTime)
    this.receivedMs = this.time(at.receivedAt)
    this.flags = this.has(at.flags) ? this.#flags() : noFlags
  }

  has(field: number): boolean {
    return scan.starts[field] !== -1
  }

  /** A text that hardly comes twice. */
  text(field: number): string {
    return this.textAt(scan.starts[field] as number, scan.ends[field] as number)
  }

  textAt(start: number, end: number): string {
    const text = scan.bytes.toString('utf8', start, end)
    return scan.hasEscapes ? unescaped(text) : text
  }

  /** A text that comes again and again. */
  known(field: number): string | undefined {
    return this.has(field)
      ? knownOf(scan.starts[field] as number, scan.ends[field] as number)
      : undefined
  }

  integer(field: number): number {
    return this.integerAt(scan.starts[field] as number, scan.ends[field] as number)
  }

  integerAt(start: number, end: number): number {
    const { bytes } = scan
    let value = 0
    for (let i = start; i < end; i++) {
      const digit = (bytes[i] as number) - 48
      if (!(digit >= 0 && digit <= 9)) return Number(bytes.toString('latin1', start, end))
      value = value * 10 + digit
    }
    return value
  }

  truth(field: number): boolean | null {
    return this.has(field) ? scan.bytes[scan.starts[field] as number] === letterT : null
  }

  time(field: number): number {
    const start = scan.starts[field] as number
    return timeAt(scan.bytes, start) ?? Date.parse(this.text(field))
  }

  get name(): EventName {
    return this.known(at.name) as EventName
  }

  get source(): string {
    return this.known(at.source) as string
  }

  get eventId(): string {
    return this.text(at.eventId)
  }

  get anonymousId(): string | undefined {
    return this.known(at.anonymousId)
  }

  get userId(): string | undefined {
    return this.known(at.userId)
  }

  get country(): string | null {
    return this.known(at.country) ?? null
  }

  get device(): string | null {
    return this.known(at.device) ?? null
  }

  get seq(): number | undefined {
    return this.has(at.seq) ? this.integer(at.seq) : undefined
  }

  get isTest(): boolean {
    return this.flags.isTest || this.truth(at.test) === true
  }

  get partition(): number {
    return this.integer(at.partition)
  }

  get offset(): number {
    return this.integer(at.offset)
  }

  get input(): InputPosition {
    const { partition, offset } = this
    return { topic: knownOf(...this.#span(at.topic)), partition, offset }
  }

  get hasItems(): boolean {
    return this.has(at.items)
  }

  get productIds(): string[] {
    return Array.from({ length: scan.elementCount }, (_, i) => {
      const field = i * scan.elementWidth + ofItem.productId
      return knownOf(scan.elementStarts[field] as number, scan.elementEnds[field] as number)
    })
  }

  /** Items leave it to the catalogue to name a price. */
  get leavesPriceOut(): boolean {
    for (let i = 0; i < scan.elementCount; i++) {
      if (scan.elementStarts[i * scan.elementWidth + ofItem.unitPriceMinor] === -1) return true
    }
    return false
  }

  /** As JSON. */
  get listPrices(): string | undefined {
    return this.has(at.listPrices)
      ? scan.bytes.toString('utf8', ...this.#span(at.listPrices))
      : undefined
  }

  /** Merchandise amount of a purchase, amount of a refund as sent, else the value of its items; null where unknown. */
  get valueMinor(): number | null {
    const { name } = this
    const isMoney = name === 'purchase' || name === 'refund'
    if (isMoney || this.leavesPriceOut) return valueMinor(this.event())
    if (!this.hasItems && !this.has(at.itemsTotalMinor)) return null
    let sum = 0
    for (let i = 0; i < scan.elementCount; i++) {
      const unitMinor = this.#ofItem(i, ofItem.unitPriceMinor, 0)
      const discountMinor = this.#ofItem(i, ofItem.discountMinor, 0)
      sum += this.#ofItem(i, ofItem.quantity, 1) * (unitMinor - discountMinor)
    }
    return sum
  }

  /** The whole of it. */
  event(): EnrichedEvent {
    this.#event ??= JSON.parse(String(scan.bytes)) as EnrichedEvent
    return this.#event
  }

  #flags(): Flags {
    const text = texts.get(scan.bytes, ...this.#span(at.flags))
    return flagsByText.get(text, (flags) => flagsOf(JSON.parse(flags) as EventFlag[]))
  }

  #span(field: number): [start: number, end: number] {
    return [scan.starts[field] as number, scan.ends[field] as number]
  }

  #ofItem(i: number, field: number, absent: number): number {
    const place = i * scan.elementWidth + field
    const start = scan.elementStarts[place] as number
    return start === -1 ? absent : this.integerAt(start, scan.elementEnds[place] as number)
  }
}

/** There is one, and its answers are of the record that was read last. */
export const reading = new EventReading()
export type { EventReading }

const letterT = 116

function knownOf(start: number, end: number): string {
  const text = texts.get(scan.bytes, start, end)
  return scan.hasEscapes ? unescaped(text) : text
}

function unescaped(text: string): string {
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
}

function flagsOf(flags: readonly EventFlag[]): Flags {
  return {
    sorted: [...flags].sort(compareBytes),
    isBot: flags.includes('bot'),
    isTest: flags.includes('test'),
    isLate: flags.includes('late'),
    isTooLate: flags.includes('tooLate'),
    isNobody: flags.includes('noConsent'),
  }
}

function valueMinor(event: EnrichedEvent): number | null {
  const { data } = event
  if (event.name === 'refund') return data.amountMinor ?? null
  if (data.items === undefined && data.itemsTotalMinor === undefined) return null
  const items = moneyItems(data, event)
  return event.name === 'purchase' ? merchandiseMinor({ ...data, items }) : valueOfItems(items)
}
