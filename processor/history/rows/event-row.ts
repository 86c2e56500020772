// An enriched event as a row of `events`, in the order of the contract's columns.

import type { EnrichedEvent } from '#stack/contract/events.ts'
import { compareBytes } from '#stack/contract/order.ts'
import type { Cell } from '../columns.ts'
import { merchandiseMinor, moneyItems, valueOfItems } from '../money/value.ts'

/** Without the columns every table has last. */
export function eventCells(event: EnrichedEvent): Cell[] {
  const { context, data, flags = [] } = event
  const page = context?.page
  const campaign = context?.campaign
  return [
    event.eventId,
    event.source,
    event.name,
    event.customName ?? null,
    Date.parse(event.eventTime),
    event.sentAt === undefined ? null : Date.parse(event.sentAt),
    Date.parse(event.receivedAt),
    event.schemaVersion,
    event.dialect,
    event.anonymousId ?? null,
    event.userId ?? null,
    event.sessionId ?? null,
    event.cartId ?? null,
    event.seq ?? null,
    data.orderId ?? null,
    data.currency ?? null,
    valueMinor(event),
    data.items ?? [],
    page?.url ?? null,
    page?.path ?? null,
    page?.title ?? null,
    page?.referrer ?? null,
    page?.type ?? data.pageType ?? null,
    campaign?.source ?? null,
    campaign?.medium ?? null,
    campaign?.name ?? null,
    event.country,
    event.region,
    event.device,
    event.browser,
    event.os,
    flags.includes('bot'),
    flags.includes('test') || context?.test === true,
    flags.includes('late'),
    flags.includes('tooLate'),
    context?.consent?.analytics ?? null,
    context?.consent?.marketing ?? null,
    flags.length < 2 ? flags : [...flags].sort(compareBytes),
    JSON.stringify(data),
    event.extra === undefined ? null : JSON.stringify(event.extra),
  ]
}

function valueMinor(event: EnrichedEvent): number | null {
  const { data } = event
  if (event.name === 'refund') return data.amountMinor ?? null
  if (data.items === undefined && data.itemsTotalMinor === undefined) return null
  const items = moneyItems(data, event)
  return event.name === 'purchase' ? merchandiseMinor({ ...data, items }) : valueOfItems(items)
}
