// For tests: events of one key in few words. Times are minutes after ten o'clock, or `hh:mm`; A is the usual browser.

import { minuteMs } from '#stack/base/units.ts'
import type { EventName } from '#stack/contract/events.ts'
import { compareT3 } from '#stack/contract/order.ts'
import type { Ordered } from '#stack/contract/order.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartData, CartEvent, CartItem } from '../model.ts'
import { foldPerson } from './fold.ts'
import type { CartRow } from './rows.ts'

const tenMs = Date.parse('2024-05-06T10:00:00.000Z')

export type Told = Partial<CartEvent> & { data?: CartData }

export function at(minutes: number): number {
  return tenMs + minutes * minuteMs
}

export function clock(minutes: number): string {
  return new Date(at(minutes)).toISOString()
}

let count = 0

/** Of `a:A`, unless told otherwise; its mark decides whose it is. */
export function event(minutes: number, name: EventName, told: Told = {}): CartEvent {
  const mark = told.mark ?? 'a:A'
  return {
    eventId: `e${++count}`,
    source: 'web',
    name,
    timeMs: at(minutes),
    receivedMs: at(minutes),
    person: mark,
    mark,
    route: mark,
    isActivity: true,
    isServer: false,
    sessionKey: null,
    country: null,
    device: null,
    campaign: null,
    marketing: null,
    ...(mark.startsWith('a:') ? { anonymousId: mark.slice(2) } : {}),
    ...(told.cartId === undefined ? {} : { namedCart: 'owner', via: told.cartId }),
    ...told,
  }
}

export function line(productId: string, fields: Partial<CartItem> = {}): CartItem {
  return { productId, quantity: 1, unitPriceMinor: 1000, ...fields }
}

export function add(minutes: number, items: CartItem[] = [line('P')], told: Told = {}): CartEvent {
  return event(minutes, 'add_to_cart', { ...told, data: { items, currency: 'EUR', ...told.data } })
}

export function remove(minutes: number, items: CartItem[], told: Told = {}): CartEvent {
  return event(minutes, 'remove_from_cart', { ...told, data: { items, ...told.data } })
}

export function buy(
  minutes: number,
  orderId: string,
  items: CartItem[] = [line('P')],
  told: Told = {},
): CartEvent {
  const data = { orderId, currency: 'EUR', items, ...told.data }
  return event(minutes, 'purchase', { ...told, data })
}

/** A's first link, to U. */
export function link(minutes: number, told: Told = {}): CartEvent {
  return event(minutes, 'identify', {
    mark: 'u:U',
    anonymousId: 'A',
    userId: 'U',
    linksVisitor: 'a:A',
    ...told,
  })
}

export function byT3(events: readonly CartEvent[]): CartEvent[] {
  return events.toSorted((a, b) => compareT3(a as Ordered, b as Ordered))
}

/** All rows at the end of time, or as of some minutes after ten. */
export function rowsOf(
  events: readonly CartEvent[],
  settings: Partial<Settings> = {},
  watermark: number = Infinity,
): CartRow[] {
  const watermarkMs = watermark === Infinity ? Infinity : at(watermark)
  const fold = foldPerson(byT3(events), watermarkMs, { ...defaultSettings, ...settings })
  return fold.episodes.map(({ row }) => row)
}

/** `a:A#1 lost` and so on. */
export function statesOf(
  events: readonly CartEvent[],
  settings: Partial<Settings> = {},
  watermark: number = Infinity,
): string[] {
  return rowsOf(events, settings, watermark).map(
    ({ cartKey, episode, state }) => `${cartKey}#${episode} ${state}`,
  )
}
