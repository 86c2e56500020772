// What each event name means to a cart: it changes lines, looks at them, checks out, merges two carts, buys, or is mere
// activity. Also which carts an event names, for the hop that finds a cart's owner (R5).

import type { EventName } from '#stack/contract/events.ts'
import type { CartData, CartEvent } from '../model.ts'

/** `content` and `view` may carry lines; `view` and `checkout` may come without. */
export type CartRole = 'content' | 'view' | 'checkout' | 'merge' | 'purchase' | 'activity'

const roleByName: Record<EventName, CartRole> = {
  add_to_cart: 'content',
  remove_from_cart: 'content',
  cart_update: 'content',
  view_cart: 'view',
  begin_checkout: 'checkout',
  checkout_step: 'checkout',
  cart_merge: 'merge',
  purchase: 'purchase',
  page_view: 'activity',
  view_item_list: 'activity',
  select_item: 'activity',
  view_item: 'activity',
  search: 'activity',
  refund: 'activity',
  identify: 'activity',
  custom: 'activity',
}

export function roleOf(name: EventName): CartRole {
  return roleByName[name]
}

/** R5: the first of these (T3) that names a cartId makes its person the cart's owner; a purchase does not. */
export function givesOwner(name: EventName): boolean {
  const role = roleByName[name]
  return role !== 'purchase' && role !== 'activity'
}

/** The cartIds whose carts an event acts on: a `cart_merge` on both, mere activity on none. */
export function cartIdsNamed(event: {
  name: EventName
  cartId?: string | undefined
  data?: CartData | undefined
}): string[] {
  const role = roleByName[event.name]
  if (role === 'activity') return []
  if (role !== 'merge') return event.cartId === undefined ? [] : [event.cartId]
  const { fromCartId, intoCartId } = event.data ?? {}
  return [fromCartId, intoCartId].filter((id) => id !== undefined)
}

/** R1: `c:`cartId if given, else the personId valid at the event. */
export function cartKeyOf(event: Pick<CartEvent, 'cartId' | 'mark'>): string {
  return event.cartId === undefined ? event.mark : `c:${event.cartId}`
}

/** For the sake of which cart an event is kept under a key: one that a hop sent to the cart's owner, else its person's. */
export function keptFor({ namedCart, via, cartId, mark }: CartEvent): string {
  return namedCart === 'owner' ? `c:${via ?? cartId}` : mark
}
