// One visit being written down: the clock that moves on between two clicks, and the events that the clicks make. A
// page of a product makes two events, the page and the product; all other pages one.

import type { Random } from '#stack/base/random.ts'
import { minuteMs, secondMs } from '#stack/base/units.ts'
import type { EventContext, EventData, EventName, Item, ShopEvent } from '#stack/contract/events.ts'
import { noConsentId } from '#stack/contract/events.ts'
import type { Product } from '#stack/contract/catalogue.ts'
import type { BasketLine, Device, Shopper, World } from './shopper.ts'

export interface TimedEvent {
  /** When it truly happened; the event's own time may be wrong. */
  timeMs: number
  event: ShopEvent
}

const medianPauseMs = 30 * secondMs
const pauseSigma = 1.2
const pauseLeastMs = 700
/** A session ends with a pause of 30 minutes; nobody on a visit waits that long. */
const pauseMostMs = 29 * minuteMs + 50 * secondMs

export class Visit {
  readonly shopper: Shopper
  readonly device: Device
  readonly random: Random
  readonly events: TimedEvent[] = []
  atMs: number
  readonly #world: World
  readonly #campaign: EventContext['campaign']
  readonly #referrer: string | undefined
  #pages = 0
  #url = '/'

  constructor(world: World, shopper: Shopper, device: Device, startMs: number) {
    this.#world = world
    this.shopper = shopper
    this.device = device
    this.random = shopper.random
    this.atMs = Math.round(startMs)
    const channel = drawChannel(this.random)
    this.#campaign = channel.campaign
    this.#referrer = channel.referrer
    shopper.visits++
  }

  pause(factor = 1): void {
    const ms = this.random.logNormal(medianPauseMs, pauseSigma) * factor
    this.atMs += Math.round(Math.min(pauseMostMs, Math.max(pauseLeastMs, ms)))
  }

  page(type: string, path: string): void {
    // Without consent nothing that was typed is kept.
    this.#url = this.shopper.allowsAnalytics ? path : path.replace(/\?.*/, '')
    this.emit('page_view', { pageType: type })
    this.#pages++
  }

  product(product: Product): void {
    this.page('product', `/products/${product.productId}`)
    this.atMs += 80 + this.random.int(200)
    const item = this.item({ productId: product.productId, quantity: 1 })
    this.emit('view_item', {
      items: [
        { ...item, name: product.name, ...(product.category && { category: product.category }) },
      ],
      currency: this.shopper.market.currency,
    })
  }

  /** A line with the price of this moment; without one where the catalogue has none. */
  item(line: BasketLine): Item {
    const { assortment } = this.#world
    const price = assortment.priceAt(line.productId, this.shopper.market.currency, this.atMs)
    return {
      productId: line.productId,
      ...(line.variantId !== undefined && { variantId: line.variantId }),
      quantity: line.quantity,
      ...(price && { unitPriceMinor: price.unitPriceMinor }),
      ...(price && price.discountMinor > 0 && { discountMinor: price.discountMinor }),
    }
  }

  /** Log-in: from here on the device's events carry the account. */
  logIn(): void {
    const { userId } = this.shopper
    if (userId === undefined || this.device.isLoggedIn || !this.shopper.allowsAnalytics) return
    this.device.isLoggedIn = true
    this.emit('identify', {})
  }

  emit(name: EventName, data: EventData, namesCart = false): ShopEvent {
    const { shopper, device } = this
    const time = new Date(this.atMs).toISOString()
    const hasConsent = shopper.allowsAnalytics
    const event: ShopEvent = {
      schemaVersion: '1.0',
      eventId: `${device.anonymousId}-${device.seq.toString(36)}`,
      name,
      eventTime: time,
      receivedAt: time,
      source: device.source,
      dialect: 'native',
      anonymousId: hasConsent ? device.anonymousId : noConsentId,
      ...(device.isLoggedIn && hasConsent && { userId: shopper.userId as string }),
      ...(namesCart && shopper.namesCart && { cartId: shopper.cartId }),
      seq: device.seq++,
      context: this.#context(),
      data,
      ...(!hasConsent && { flags: ['noConsent' as const] }),
    }
    this.events.push({ timeMs: this.atMs, event })
    return event
  }

  #context(): EventContext {
    const { shopper, device } = this
    const isLanding = this.#pages === 0
    return {
      ...(shopper.allowsAnalytics && { ip: shopper.ip, userAgent: device.agent }),
      locale: shopper.market.locale,
      page: {
        url: `https://shop.example${this.#url}`,
        ...(isLanding && this.#referrer !== undefined && { referrer: this.#referrer }),
      },
      ...(isLanding && this.#campaign && { campaign: this.#campaign }),
      consent: { analytics: shopper.allowsAnalytics, marketing: shopper.allowsMarketing },
      ...(shopper.kind === 'tester' && { test: true }),
    }
  }
}

interface Channel {
  share: number
  referrer?: string
  campaign?: { source: string; medium: string; name: string }
}

const channels: readonly Channel[] = [
  { share: 0.34 },
  { share: 0.3, referrer: 'https://search.example/' },
  {
    share: 0.14,
    referrer: 'https://search.example/',
    campaign: { source: 'search', medium: 'cpc', name: 'brand' },
  },
  { share: 0.12, campaign: { source: 'newsletter', medium: 'email', name: 'weekly' } },
  {
    share: 0.1,
    referrer: 'https://social.example/',
    campaign: { source: 'social', medium: 'social', name: 'harbour-tales' },
  },
]
const channelShares = channels.map((channel) => channel.share)

function drawChannel(random: Random): Channel {
  return channels[random.weighted(channelShares)] as Channel
}
