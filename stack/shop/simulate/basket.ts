// What shoppers do to their basket, and the events that the shop front makes of it. Some shop fronts send deltas only,
// some a snapshot with the cart's page, some the total they show.

import type { BasketLine, World } from './shopper.ts'
import type { Visit } from './visit.ts'

export function addProduct(world: World, visit: Visit): void {
  const { random, shopper } = visit
  const product = world.assortment.pick(random)
  visit.product(product)
  visit.atMs += 900 + random.int(14_000)
  const line: BasketLine = {
    productId: product.productId,
    ...(product.variants.length > 0 && { variantId: random.pick(product.variants) }),
    quantity: random.chance(0.12) ? 2 : 1,
  }
  const known = shopper.basket.find((each) => isSameLine(each, line))
  if (known) known.quantity += line.quantity
  else shopper.basket.push({ ...line })
  visit.emit(
    'add_to_cart',
    { items: [visit.item(line)], currency: shopper.market.currency, ...declaredTotal(visit) },
    true,
  )
}

export function removeLine(visit: Visit): void {
  const { random, shopper } = visit
  visit.pause(0.4)
  const index = random.int(shopper.basket.length)
  const [line] = shopper.basket.splice(index, 1)
  if (!line) return
  const data = { items: [visit.item(line)], currency: shopper.market.currency }
  visit.emit('remove_from_cart', { ...data, ...declaredTotal(visit) }, true)
}

export function viewCart(visit: Visit, isSnapshot: boolean): void {
  visit.page('cart', '/cart')
  visit.emit('view_cart', cartSnapshot(visit, isSnapshot), true)
}

export function cartSnapshot(visit: Visit, isSnapshot: boolean): Record<string, unknown> {
  if (!isSnapshot || visit.shopper.basket.length === 0) return {}
  return {
    items: visit.shopper.basket.map((line) => visit.item(line)),
    currency: visit.shopper.market.currency,
  }
}

/** What the page said the cart was worth; only pages that count the same way as we do declare it. */
function declaredTotal(visit: Visit): { cartTotalMinor?: number } {
  if (!visit.shopper.declaresTotals) return {}
  let total = 0
  for (const line of visit.shopper.basket) {
    const { unitPriceMinor = 0, discountMinor = 0 } = visit.item(line)
    total += line.quantity * (unitPriceMinor - discountMinor)
  }
  return { cartTotalMinor: total }
}

function isSameLine(a: BasketLine, b: BasketLine): boolean {
  return a.productId === b.productId && a.variantId === b.variantId
}
