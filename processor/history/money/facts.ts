// What money is folded from: purchases and refunds, reduced to what 2.7 and R20 look at. They are kept per order for
// ever, so that any of them may come late, twice, or before the order it belongs to.

import type { EnrichedEvent, EventName, InputPosition } from '#stack/contract/events.ts'
import { noConsentId } from '#stack/contract/events.ts'
import { compareBytes } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import { moneyItems } from './value.ts'
import type { MoneyItem } from './value.ts'

export interface Campaign {
  source: string | null
  medium: string | null
  name: string | null
}

interface Fact {
  orderId: string
  eventId: string
  source: string
  name: EventName
  timeMs: number
  receivedMs: number
  seq: number | null
  anonymousId: string | null
  userId: string | null
  isBot: boolean
  isTest: boolean
  /** Refused to be counted as somebody: of no person (1.6). */
  isNobody: boolean
  isTooLate: boolean
  currency: string | null
  items: MoneyItem[] | null
  country: string | null
  device: string | null
  campaign: Campaign | null
  input: InputPosition
}

export interface PurchaseFact extends Fact {
  name: 'purchase'
  currency: string
  items: MoneyItem[]
  itemsTotalMinor: number | null
  discountMinor: number | null
  taxMinor: number | null
  shippingMinor: number | null
  totalMinor: number | null
  coupon: string | null
  paymentMethod: string | null
}

export interface RefundFact extends Fact {
  name: 'refund'
  /** As sent, else the id of the event. */
  refundId: string
  amountMinor: number | null
  reason: string | null
}

export type MoneyFact = PurchaseFact | RefundFact

/** Undefined for what is neither purchase nor refund. */
export function moneyFactOf(event: EnrichedEvent): MoneyFact | undefined {
  const { data } = event
  if (event.name === 'purchase') {
    return {
      ...factOf(event),
      name: 'purchase',
      currency: data.currency as string,
      items: moneyItems(data, event),
      itemsTotalMinor: data.itemsTotalMinor ?? null,
      discountMinor: data.discountMinor ?? null,
      taxMinor: data.taxMinor ?? null,
      shippingMinor: data.shippingMinor ?? null,
      totalMinor: data.totalMinor ?? null,
      coupon: data.coupon ?? null,
      paymentMethod: data.paymentMethod ?? null,
    }
  }
  if (event.name !== 'refund') return undefined
  return {
    ...factOf(event),
    name: 'refund',
    refundId: data.refundId ?? event.eventId,
    items: data.items === undefined || data.items.length === 0 ? null : moneyItems(data),
    amountMinor: data.amountMinor ?? null,
    reason: data.reason ?? null,
  }
}

function factOf(event: EnrichedEvent): Fact {
  const { data, flags = [], context } = event
  return {
    orderId: data.orderId as string,
    eventId: event.eventId,
    source: event.source,
    name: event.name,
    timeMs: Date.parse(event.eventTime),
    receivedMs: Date.parse(event.receivedAt),
    seq: event.seq ?? null,
    anonymousId: event.anonymousId ?? null,
    userId: event.userId ?? null,
    isBot: flags.includes('bot'),
    isTest: flags.includes('test') || context?.test === true,
    isNobody: flags.includes('noConsent') || event.anonymousId === noConsentId,
    isTooLate: flags.includes('tooLate'),
    currency: data.currency ?? null,
    items: null,
    country: event.country,
    device: event.device,
    campaign: campaignOf(context?.campaign),
    input: event.input,
  }
}

/** Null where it says nothing. */
export function campaignOf({
  source = null,
  medium = null,
  name = null,
}: { [K in keyof Campaign]?: string | null | undefined } = {}): Campaign | null {
  return source === null && medium === null && name === null ? null : { source, medium, name }
}

/** R20 and 2.7: the order in which money counts. */
export function compareMoney(a: MoneyFact, b: MoneyFact): number {
  return (
    a.timeMs - b.timeMs ||
    a.receivedMs - b.receivedMs ||
    compareBytes(a.eventId, b.eventId) ||
    compareBytes(a.source, b.source)
  )
}

export function orderedFact(fact: MoneyFact): Ordered {
  const { timeMs, seq, name, eventId, source } = fact
  return { timeMs, seq: seq ?? undefined, name, eventId, source }
}
