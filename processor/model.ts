// What travels between the stages: an event reduced to what carts need, and the commands that put it into a key or
// take it out again. Keys hold sets of events, so a repeated command changes nothing.

import type { EventData, EventName, Item } from '#stack/contract/events.ts'
import type { CartDeed } from './cart/deed.ts'

/** `a:<anonymousId>`, `u:<userId>`: who an event belongs to (R1, R2). */
export type Person = string

/**
 * An event as stage two folds it. `person` is the personId valid at the event (R2). `mark` is who owned what it did
 * at that time: `a:A` for events before A's first link, although they are kept under that link's user so that one
 * key holds everything R4 joins; otherwise the same as `person`.
 */
export interface CartEvent {
  eventId: string
  source: string
  name: EventName
  timeMs: number
  receivedMs: number
  seq?: number
  anonymousId?: string
  userId?: string
  cartId?: string
  person: Person
  mark: Person
  /** The key it is kept under (identity/route.ts); where it acts on somebody else's cart, `CartCommand.key` differs. */
  route: Person
  /** R12: counts as activity of its person. */
  isActivity: boolean
  /** R12: its source is one of `serverSources`; it still changes carts. */
  isServer: boolean
  /** Set on the event that is A's first link: what `a:A` owned becomes `person`'s from here on (R4). */
  linksVisitor?: Person
  /** The session it belongs to, as known now; sent again when that changes. */
  sessionKey: string | null
  country: string | null
  device: string | null
  campaign: { source: string | null; medium: string | null; name: string | null } | null
  /** The event's own consent to marketing. */
  marketing: boolean | null
  /** Fields of `data` that cart and purchase events have; absent on mere activity. */
  data?: CartData
  /**
   * Of an event that names a cartId, set by the hop: `owner` here is the key of the cart's owner, `elsewhere` the
   * event acts on somebody else's cart and is only activity here, `nobody` no cart has that id (R16, R5).
   */
  namedCart?: 'owner' | 'elsewhere' | 'nobody'
  /**
   * The cartId whose hop sent it here. A cart_merge comes through two hops; stage two hands it to the fold once, as
   * `owner` only if both carts are this key's (R4: carts of two owners are not folded).
   */
  via?: string
  /** Of `elsewhere`: the key of the cart's owner, which is told what is known here of the order (R20). */
  owner?: Person
  /** R20: its person has reported the order before, as that person's key says, since this one cannot know. */
  isRepeat?: true
}

export type CartData = Pick<
  EventData,
  | 'currency'
  | 'cartTotalMinor'
  | 'fromCartId'
  | 'intoCartId'
  | 'policy'
  | 'step'
  | 'option'
  | 'orderId'
  | 'itemsTotalMinor'
  | 'discountMinor'
> & {
  items?: CartItem[]
}

/** `listPrice`: the catalogue's price at the event's time, for lines whose price nobody named (R9). */
export type CartItem = Pick<
  Item,
  'productId' | 'variantId' | 'quantity' | 'unitPriceMinor' | 'discountMinor'
> & { listPrice?: { unitPriceMinor: number; currency: string } }

/** A record of `slipway-carts-by-id` and `slipway-carts-by-person`: into a key's set, or out of it. */
export type CartCommand =
  | { kind: 'in'; key: string; event: CartEvent; input: CommandInput }
  | { kind: 'out'; key: string; eventId: string; source: string; via?: string; input: CommandInput }
  | MoveCommand
  | KeyMessage
  | WatermarkRecord

/** What one key of stage two says to another, and how many records its partition had taken by then (time/turns.ts). */
export type KeyMessage = (DeedCommand | OrderCommand) & { taken?: number }

/**
 * The events of one cart are kept under another key from now on (a first link, an earlier owner). Whoever routes that
 * cart's events says so (stage one for `a:A`, the hop for `c:id`): `away` to the old key, `here` to the new one before
 * the events, both with the number of the move, 1, 2, …
 */
export interface MoveCommand {
  kind: 'away' | 'here'
  key: Person
  cartKey: string
  move: number
  /** Of `away`: the key that has it now. */
  to?: Person
  /** Of `away`: what is older was let go by who routes the cart and may not be told again. Absent: nothing was. */
  toldFromMs?: number
  input: CommandInput
}

/**
 * What the old key has published of a cart, so that one key alone writes it from now on, in
 * whatever order the two keys are read. The new key publishes nothing of the cart before it has this.
 */
export interface DeedCommand {
  kind: 'deed'
  key: Person
  cartKey: string
  move: number
  deed: CartDeed
}

/** To the owner of the cart that a purchase names: whether it repeats an order (R20), as only the key of its person can tell. */
export interface OrderCommand {
  kind: 'order'
  key: Person
  from: Person
  source: string
  eventId: string
  isRepeat: boolean
}

/** Position in the topic that the writing stage read, for tracing and for at-least-once reasoning. */
export interface CommandInput {
  partition: number
  offset: number
}

/**
 * The last word of a cut. The writer promises: everything it read up to this watermark on its partition has been written
 * before this record. Written into every partition of the topic; stage two takes the minimum over all (stage, partition)
 * it expects. What its own partitions say so to one another is what retention goes by (T5): up to there no key has
 * anything more to say to another.
 */
export interface WatermarkRecord {
  kind: 'watermark'
  stage: 'visitors' | 'cart-owners' | 'persons'
  partition: number
  /** How many partitions the writing stage has, so that the reader knows whom to wait for. */
  of: number
  /** Null: there is no time yet. */
  watermarkMs: number | null
  /** Number of the cut of stage one that it ends; the hop hands on the one it read last (time/turns.ts). Of stage two: 0. */
  cut: number
  /** Of stage two, as in its messages. */
  taken?: number
}
