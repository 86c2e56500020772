// Handing a cart from one key to another. Two keys are two tasks that write to the same compacted topics; were both to
// write of one cart, the last word would be chance. So what a key has published of a cart goes with it, as a deed, and
// the new key publishes nothing of the cart before the deed is there. With it come the numbers of episodes that were let
// go, and the time before which events are already counted in them (T5); and what is not counted yet although stage one or
// the hop, ahead where partitions are read at different speeds, has let go of it and will not tell it again.
//
//   key a:A   in(add) ─▶ publishes a:A#1 open      away(a:A, to u:U) ─▶ deed: a:A#1, revision 0
//   key u:U            here(a:A) in(add) in(link) ─▶ publishes u:U#1 only   deed ─▶ publishes a:A#1 merged, revision 1
//
// A deed may come twice, since its sender may have been killed after it was sent: then the sender may have repeated its
// last words, too. So whatever a deed names is published once more.

import type { CartEvent, DeedCommand, MoveCommand, Person } from '../model.ts'
import { hasEvent, putEvent } from './event-set.ts'
import { nothingPublished } from './published.ts'
import type { Published, PublishedCart, PublishedVerdict } from './published.ts'
import type { Repeats, Reported, ToldRepeats } from './orders.ts'
import { keptFor } from './roles.ts'
import { emptyBase } from './world.ts'
import type { PersonBase } from './world.ts'
import { laterOf } from '../time/later-of.ts'

export interface CartDeed {
  published: Published
  /** Of the cart, and with a visitor's cart its orders. */
  base: PersonBase
  /** Events of this cart before it are counted in the base. */
  cutMs: number | null
  /** Not counted yet, and nobody tells them again. */
  events: CartEvent[]
}

/** Where the papers of a cart are that was moved at least once. */
export interface Home {
  hereMove: number
  /** The last move whose deed has come. */
  deedMove: number
  /** The last move away. */
  away: Move
  /** Moves away that wait for a deed to send on: the cart left, perhaps came back, before its papers arrived. */
  unserved: Move[]
  cutMs: number | null
  /** The first watermark it was judged at after its last change (T5). */
  sinceMs: number | null
}

interface Move {
  move: number
  to: Person
  toldFromMs: number
}

const neverMoved: Home = {
  hereMove: 0,
  deedMove: 0,
  away: { move: 0, to: '', toldFromMs: 0 },
  unserved: [],
  cutMs: null,
  sinceMs: null,
}

/** The part of a key's state that deeds are about. */
export interface Holdings {
  key: Person
  events: CartEvent[]
  base: PersonBase
  published: Published
  homes: Record<string, Home>
  /** What was said to the owners of other carts, and what was heard as one (orders.ts). */
  repeats: Repeats
  toldRepeats: ToldRepeats
  cutMs: number | null
}

/**
 * Whether this key is the one that may publish of a cart now. A user's own cart never moves; while news of a login are
 * still under way, another key may fold one by mistake.
 */
export function holdsPapers({ key, homes }: Holdings, cartKey: string): boolean {
  if (cartKey.startsWith('u:')) return cartKey === key
  const home = homes[cartKey]
  return home === undefined || !(isAway(home) || isAwaited(home))
}

/**
 * Whether an event is counted in the base: it was let go here, or before its cart was moved here, and is told once more
 * (another route, another session).
 */
function isCounted({ homes, cutMs }: Holdings, event: CartEvent): boolean {
  const home = homes[keptFor(event)]
  return event.timeMs < ((home === undefined ? cutMs : home.cutMs) ?? -Infinity)
}

/**
 * An event as it is kept; null if it is counted. What is counted on a cart that was moved here may still be activity of
 * a person whose other carts are here.
 */
export function asKept(holdings: Holdings, event: CartEvent): CartEvent | null {
  if (!isCounted(holdings, event)) return event
  if (event.namedCart !== 'owner' || event.route !== holdings.key) return null
  const activity: CartEvent = { ...event, namedCart: 'elsewhere' }
  return isCounted(holdings, activity) ? null : activity
}

export function emptyHoldings(key: Person): Holdings {
  return {
    key,
    events: [],
    base: emptyBase,
    published: nothingPublished,
    homes: {},
    repeats: {},
    toldRepeats: {},
    cutMs: null,
  }
}

/** Nothing in them that has to be remembered. */
export function isEmptyHanded({ events, base, published, homes, toldRepeats }: Holdings): boolean {
  return (
    events.length === 0 &&
    Object.keys(toldRepeats).length === 0 &&
    Object.keys(published.carts).length === 0 &&
    Object.keys(published.verdicts).length === 0 &&
    Object.keys(homes).length === 0 &&
    base.carts.length === 0 &&
    base.orders.length === 0 &&
    base.closings.length === 0 &&
    base.lastUnsuppressed.length === 0
  )
}

/** Answers the deeds to be sent. */
export function takeMove(holdings: Holdings, command: MoveCommand): DeedCommand[] {
  const { cartKey, move, kind, to, toldFromMs = -Infinity } = command
  const home: Home = { ...(holdings.homes[cartKey] ?? neverMoved), sinceMs: null }
  if (kind === 'here') {
    holdings.homes[cartKey] = { ...home, hereMove: Math.max(home.hereMove, move) }
    return []
  }
  // Told before.
  if (to === undefined || move <= home.away.move) return []
  const away = { move, to, toldFromMs }
  const isServed = !isAwaited(home)
  const unserved = isServed ? home.unserved : [...home.unserved, away]
  holdings.homes[cartKey] = { ...home, away, unserved }
  return isServed ? [sendOn(holdings, cartKey, away)] : []
}

/** Answers the deed as it is to be sent on, if the cart has left again. */
export function takeDeed(holdings: Holdings, command: DeedCommand): DeedCommand[] {
  const { cartKey, move, deed } = command
  const home = holdings.homes[cartKey] ?? neverMoved
  const [next, ...unserved] = home.unserved
  const joined: Home = {
    ...home,
    deedMove: Math.max(home.deedMove, move),
    unserved,
    cutMs: laterOf(home.cutMs, deed.cutMs),
    sinceMs: null,
  }
  holdings.homes[cartKey] = joined
  holdings.published = joinPublished(holdings.published, deed.published)
  holdings.base = joinBases(holdings.base, deed.base)
  holdings.events = holdings.events.flatMap((event) =>
    keptFor(event) === cartKey ? (asKept(holdings, event) ?? []) : event,
  )
  for (const event of deed.events) {
    const kept = asKept(holdings, event)
    if (kept !== null && !hasEvent(holdings.events, kept)) putEvent(holdings.events, kept)
  }
  const onward = next ?? (isAway(joined) ? joined.away : undefined)
  return onward === undefined ? [] : [sendOn(holdings, cartKey, onward)]
}

/**
 * T5: a home whose last move nobody can take back any more is forgotten. Answers the settled watermark at which the next
 * one can be; null: there is none.
 */
export function forgetHomes(
  holdings: Holdings,
  { watermarkMs, settledMs }: { watermarkMs: number; settledMs: number },
  keepMs: number,
): number | null {
  let nextMs: number | null = null
  // Without a watermark yet there is no time to count from.
  if (watermarkMs === -Infinity) return null
  for (const [cartKey, home] of Object.entries(holdings.homes)) {
    home.sinceMs ??= watermarkMs
    const endMs = home.sinceMs + keepMs
    if (isAwaited(home)) continue
    if (endMs < settledMs) delete holdings.homes[cartKey]
    else nextMs = Math.min(nextMs ?? Infinity, endMs + 1)
  }
  return nextMs
}

function isAway({ hereMove, away }: Home): boolean {
  return away.move > hereMove
}

/** It waits for the papers of some cart. */
export function isAwaitingDeed({ homes }: Holdings): boolean {
  return Object.values(homes).some(isAwaited)
}

/** Kept under this key, but another has yet to say what it has published of it. */
function isAwaited({ hereMove, deedMove }: Home): boolean {
  return deedMove < hereMove
}

function sendOn(holdings: Holdings, cartKey: string, { move, to, toldFromMs }: Move): DeedCommand {
  const carts = split(holdings.published.carts, (_, key) => key.startsWith(`${cartKey}#`))
  const verdicts = split(holdings.published.verdicts, ({ record }) => record.cartKey === cartKey)
  const base = splitBase(holdings.base, cartKey)
  holdings.published = { carts: carts.left, verdicts: verdicts.left }
  holdings.base = base.left
  const isUntold = (event: CartEvent): boolean =>
    keptFor(event) === cartKey && event.timeMs < toldFromMs
  const routed = (event: CartEvent): CartEvent =>
    event.route === holdings.key ? { ...event, route: to } : event
  const events = holdings.events.filter(isUntold).map(routed)
  holdings.events = holdings.events.filter((event) => !isUntold(event))
  const deed: CartDeed = {
    published: { carts: carts.taken, verdicts: verdicts.taken },
    base: base.taken,
    cutMs: laterOf(holdings.homes[cartKey]?.cutMs ?? null, holdings.cutMs),
    events,
  }
  return { kind: 'deed', key: to, cartKey, move, deed }
}

function split<T>(
  record: Record<string, T>,
  isTaken: (value: T, key: string) => boolean,
): { taken: Record<string, T>; left: Record<string, T> } {
  const taken: Record<string, T> = {}
  const left: Record<string, T> = {}
  for (const [key, value] of Object.entries(record)) {
    if (isTaken(value, key)) taken[key] = value
    else left[key] = value
  }
  return { taken, left }
}

/** A cart without id is its person's, so the person's orders (R20) and cooldown go with it. */
function splitBase(base: PersonBase, cartKey: string): { taken: PersonBase; left: PersonBase } {
  const part = (isTaken: boolean): PersonBase => ({
    carts: base.carts.filter(({ key }) => (key === cartKey) === isTaken),
    orders: base.orders.filter(([person]) => (person === cartKey) === isTaken),
    closings: base.closings.filter(([cartId]) => (`c:${cartId}` === cartKey) === isTaken),
    lastUnsuppressed: base.lastUnsuppressed.filter(([person]) => (person === cartKey) === isTaken),
  })
  return { taken: part(true), left: part(false) }
}

function joinPublished(mine: Published, theirs: Published): Published {
  const joined: Published = { carts: { ...mine.carts }, verdicts: { ...mine.verdicts } }
  for (const [key, cart] of Object.entries(theirs.carts)) {
    joined.carts[key] = joinCart(joined.carts[key], cart)
  }
  for (const [id, verdict] of Object.entries(theirs.verdicts)) {
    joined.verdicts[id] = joinVerdict(joined.verdicts[id], verdict)
  }
  return joined
}

function joinCart(mine: PublishedCart | undefined, theirs: PublishedCart): PublishedCart {
  const isGone = theirs.print === null && (mine === undefined || mine.print === null)
  return {
    revision: Math.max(mine?.revision ?? 0, theirs.revision),
    // No row prints like this: it is published again, or taken back again.
    print: isGone ? null : '',
  }
}

function joinVerdict(
  mine: PublishedVerdict | undefined,
  theirs: PublishedVerdict,
): PublishedVerdict {
  const newer = mine !== undefined && mine.record.revision > theirs.record.revision ? mine : theirs
  return { ...newer, isDoubtful: true }
}

function joinBases(mine: PersonBase, theirs: PersonBase): PersonBase {
  const carts = new Map(mine.carts.map((cart) => [cart.key, cart]))
  for (const cart of theirs.carts) {
    const known = carts.get(cart.key)
    const episodeCount = Math.max(known?.episodeCount ?? 0, cart.episodeCount)
    carts.set(cart.key, { ...cart, ...known, episodeCount })
  }
  return {
    carts: [...carts.values()],
    orders: joinReported(mine.orders, theirs.orders),
    closings: joinReported(mine.closings, theirs.closings),
    lastUnsuppressed: joinLatest(mine.lastUnsuppressed, theirs.lastUnsuppressed),
  }
}

function joinLatest(mine: [Person, number][], theirs: [Person, number][]): [Person, number][] {
  const joined = new Map(mine)
  for (const [person, ms] of theirs) joined.set(person, Math.max(joined.get(person) ?? ms, ms))
  return [...joined]
}

/** Of an order that both know, the word of the key that kept all of its person's orders holds. */
function joinReported(
  mine: [string, Reported[]][],
  theirs: [string, Reported[]][],
): [string, Reported[]][] {
  const joined = new Map(mine)
  for (const [key, orders] of theirs) {
    joined.set(key, [...new Map([...(joined.get(key) ?? []), ...orders])])
  }
  return [...joined]
}
