import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import type { Campaign, PurchaseFact, RefundFact } from './facts.ts'
import { foldOrder } from './order.ts'
import type { OrderLinks } from './order.ts'

const links: OrderLinks = {
  personId: 'a:A',
  sessionKey: null,
  cartKey: null,
  episode: null,
  campaign: null,
}
const input = { topic: 'ecommerce-events', partition: 0, offset: 0 }
const minute = 60_000

const line = (productId: string, quantity: number, unitPriceMinor: number | null) => ({
  productId,
  variantId: null,
  name: null,
  brand: null,
  category: null,
  quantity,
  unitPriceMinor,
  discountMinor: 0,
})

const purchase = (given: Partial<PurchaseFact> = {}): PurchaseFact => ({
  name: 'purchase',
  orderId: 'O',
  eventId: 'p1',
  source: 'web',
  timeMs: 0,
  receivedMs: 0,
  seq: null,
  anonymousId: 'A',
  userId: null,
  isBot: false,
  isTest: false,
  isNobody: false,
  isTooLate: false,
  currency: 'EUR',
  items: [line('P', 3, 1000)],
  country: null,
  device: null,
  campaign: null,
  input,
  itemsTotalMinor: null,
  discountMinor: null,
  taxMinor: null,
  shippingMinor: null,
  totalMinor: null,
  coupon: null,
  paymentMethod: null,
  ...given,
})

const refund = (given: Partial<RefundFact> = {}): RefundFact => {
  const { itemsTotalMinor, taxMinor, shippingMinor, totalMinor, ...fact } = purchase()
  return {
    ...fact,
    name: 'refund',
    eventId: 'r1',
    refundId: 'r1',
    timeMs: minute,
    currency: null,
    items: null,
    amountMinor: null,
    reason: null,
    ...given,
  }
}

const orderOf = (...facts: (PurchaseFact | RefundFact)[]) => foldOrder(facts, links).order?.row
const refundsOf = (...facts: (PurchaseFact | RefundFact)[]) =>
  foldOrder(facts, links).refunds.map(({ row }) => row)
const netsOf = (...facts: PurchaseFact[]) =>
  foldOrder(facts, links).lines.map(({ row }) => row.net_minor)

describe('an order', () => {
  test('without a campaign of its own has the one of its session', () => {
    const [mail, search] = ['email', 'cpc'].map((medium) => ({ source: null, medium, name: null }))
    const mediumOf = (own: Campaign | undefined, ofSession: Campaign | undefined) =>
      foldOrder([purchase({ campaign: own ?? null })], { ...links, campaign: ofSession ?? null })
        .order?.row.campaign_medium
    expect(mediumOf(undefined, mail)).toBe('email')
    expect(mediumOf(search, mail)).toBe('cpc')
    expect(mediumOf(undefined, undefined)).toBeNull()
  })

  test('is its first purchase by event time, whatever order they come in', () => {
    const late = purchase({ eventId: 'p2', timeMs: 5, items: [line('Q', 1, 9)] })
    expect(orderOf(late, purchase())?.merchandise_minor).toBe(3000)
    expect(orderOf(purchase(), late)?.merchandise_minor).toBe(3000)
  })

  test("is a person's before a bot's, although that was first", () => {
    const bot = purchase({ eventId: 'p0', timeMs: -5, isBot: true, items: [line('Q', 1, 9)] })
    expect(orderOf(bot, purchase())).toMatchObject({ merchandise_minor: 3000, is_bot: false })
    expect(orderOf(bot)).toMatchObject({ merchandise_minor: 9, is_bot: true })
  })

  test('with an unknown price has no amount, and is an order all the same', () => {
    const unknown = purchase({ items: [line('P', 1, null), line('Q', 1, 500)] })
    expect(orderOf(unknown)).toMatchObject({ merchandise_minor: null, total_minor: null, units: 2 })
    expect(netsOf(unknown)).toEqual([null, null])
  })

  test('never has an amount below nothing', () => {
    expect(orderOf(purchase({ discountMinor: 5000 }))?.merchandise_minor).toBe(0)
  })

  test('is charged what was sent, else merchandise, tax and shipping', () => {
    const parts = { taxMinor: 570, shippingMinor: 499 }
    expect(orderOf(purchase(parts))?.total_minor).toBe(4069)
    expect(orderOf(purchase({ ...parts, totalMinor: 1 }))?.total_minor).toBe(1)
  })

  test('takes country and device from the browser where the order service was first', () => {
    const service = purchase({ source: 'orders-service', timeMs: -1 })
    const browser = purchase({ eventId: 'p2', country: 'DE', device: 'mobile' })
    expect(orderOf(service, browser)).toMatchObject({ country: 'DE', device: 'mobile' })
  })
})

describe('the lines of an order', () => {
  test('share its discount by value, the odd unit going by product', () => {
    const items = [line('C', 1, 1000), line('A', 1, 1000), line('B', 1, 1000)]
    expect(netsOf(purchase({ items, discountMinor: 100 }))).toEqual([967, 966, 967])
  })

  test('share a surcharge where the order is worth more than they are', () => {
    expect(netsOf(purchase({ items: [line('A', 1, 100)], itemsTotalMinor: 130 }))).toEqual([130])
  })

  test('share the amount by units where nothing has a value', () => {
    const items = [line('A', 1, 0), line('B', 3, 0)]
    expect(netsOf(purchase({ items, itemsTotalMinor: 100 }))).toEqual([25, 75])
    const unknown = [line('A', 1, null), line('B', 1, 500)]
    expect(netsOf(purchase({ items: unknown, itemsTotalMinor: 101 }))).toEqual([51, 50])
  })

  test('add up to its amount exactly, whatever the amounts', () => {
    const amounts = fc.record({
      items: fc.array(
        fc.tuple(fc.integer({ min: 1, max: 1e4 }), fc.integer({ min: 0, max: 2 ** 35 })),
        {
          minLength: 1,
          maxLength: 12,
        },
      ),
      itemsTotalMinor: fc.option(fc.integer({ min: 0, max: 2 ** 50 })),
      discountMinor: fc.option(fc.integer({ min: 0, max: 2 ** 40 })),
    })
    fc.assert(
      fc.property(amounts, ({ items, itemsTotalMinor, discountMinor }) => {
        const lines = items.map(([quantity, price], i) => line(`P${i % 5}`, quantity, price))
        const fact = purchase({ items: lines, itemsTotalMinor, discountMinor })
        const sum = netsOf(fact).reduce<number>((total, net) => total + (net ?? NaN), 0)
        expect(sum).toBe(orderOf(fact)?.merchandise_minor)
      }),
    )
  })
})

describe('a refund', () => {
  test('of everything takes what is left; the next one takes nothing and says so', () => {
    const again = refund({ eventId: 'r2', refundId: 'r2', timeMs: 2 * minute })
    expect(refundsOf(purchase(), again, refund())).toMatchObject([
      { amount_minor: 3000, is_full: true, flags: [] },
      { amount_minor: 0, is_full: true, flags: ['excess'] },
    ])
  })

  test('asks for its amount, else for its items at their own price, else at the price of the order', () => {
    const items = [line('P', 2, null)]
    const discounted = purchase({ items: [{ ...line('P', 3, 1000), discountMinor: 100 }] })
    expect(refundsOf(discounted, refund({ items }))[0]?.amount_minor).toBe(1800)
    expect(refundsOf(discounted, refund({ items: [line('P', 2, 50)] }))[0]?.amount_minor).toBe(100)
    expect(refundsOf(discounted, refund({ items, amountMinor: 7 }))[0]?.amount_minor).toBe(7)
  })

  test('never takes more than is left', () => {
    const large = refund({ eventId: 'r2', refundId: 'r2', timeMs: 2 * minute, amountMinor: 900 })
    expect(refundsOf(purchase(), refund({ amountMinor: 2500 }), large)).toMatchObject([
      { amount_minor: 2500, excess_minor: 0 },
      { amount_minor: 500, excess_minor: 400, flags: ['excess'] },
    ])
  })

  test('counts once by its id', () => {
    const copy = refund({ eventId: 'r2', timeMs: 2 * minute, amountMinor: 100 })
    expect(refundsOf(purchase(), copy, refund({ amountMinor: 100 }))).toHaveLength(1)
  })

  test('in another currency than its order counts nothing', () => {
    expect(refundsOf(purchase(), refund({ amountMinor: 100, currency: 'USD' }))).toMatchObject([
      { amount_minor: 0, excess_minor: 0, flags: ['currencyMismatch'] },
    ])
  })

  test('of an unknown order is an orphan, counted as sent', () => {
    expect(refundsOf(refund({ amountMinor: 500, currency: 'EUR' }))).toMatchObject([
      { amount_minor: 500, is_orphan: true, currency: 'EUR' },
    ])
    expect(refundsOf(refund())).toMatchObject([{ amount_minor: 0, is_orphan: true, flags: [] }])
  })

  test('is the same whatever the order of the facts', () => {
    const facts = [
      purchase(),
      refund({ amountMinor: 2000 }),
      refund({ eventId: 'r2', refundId: 'r2', timeMs: 2 * minute, amountMinor: 2000 }),
      purchase({ eventId: 'p2', timeMs: 3 * minute }),
    ]
    const expected = foldOrder(facts, links)
    fc.assert(
      fc.property(fc.shuffledSubarray(facts, { minLength: 4 }), (shuffled) => {
        expect(foldOrder(shuffled, links)).toEqual(expected)
      }),
    )
  })
})
