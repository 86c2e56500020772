// What shoppers do: a visit by its purpose, as events, and what they will do later. The numbers are those that make
// a run land in the bands of events.md 4; the calibration test holds them there.

import { dayMs, hourMs, minuteMs, secondMs } from '#stack/base/units.ts'
import type { Random } from '#stack/base/random.ts'
import { addProduct, cartSnapshot, removeLine, viewCart } from './basket.ts'
import { crawl, rush } from './bots.ts'
import { checkOut, refund } from './checkout.ts'
import { hourPeak, localRhythm } from './rhythm.ts'
import { renewCart } from './shopper.ts'
import type { Device, Shopper, Task, World } from './shopper.ts'
import { Visit } from './visit.ts'
import type { TimedEvent } from './visit.ts'

export interface VisitResult {
  events: TimedEvent[]
  tasks: Task[]
}

const bounceShare = 0.4
const pagesMedian = 5
const pagesSigma = 1.2
/** Of visits that look around: those that fill a cart. Phones do so less. */
const cartShareDesktop = 0.135
const cartShareMobile = 0.075
const buyShare = 0.265
const emptyShare = 0.1
/** On visits without a cart: pages that show one product. */
const productShare = 0.43

/** What becomes of a cart that was left. */
const returnShares = { complete: 0.222, touch: 0.05, tooLate: 0.01, browse: 0.45 }
/** What becomes of somebody who looked around, or bought. */
const browseReturnShare = 0.45
const repeatShare = 0.2

/** Time until somebody comes back for a cart. */
const completeDelays: readonly [share: number, fromMs: number, toMs: number][] = [
  [0.08, 36 * minuteMs, 58 * minuteMs],
  [0.27, 62 * minuteMs, 3 * hourMs],
  [0.2, 3 * hourMs, 12 * hourMs],
  [0.17, 12 * hourMs, dayMs],
  [0.18, dayMs, 3 * dayMs],
  [0.1, 3 * dayMs, 6.9 * dayMs],
]

/** How long people stay after the first thing they put into a cart that they will leave. */
const stays: readonly [share: number, fromMs: number, toMs: number][] = [
  [0.06, secondMs, 5 * secondMs],
  [0.128, 5 * secondMs, 30 * secondMs],
  [0.394, 30 * secondMs, 5 * minuteMs],
  [0.28, 5 * minuteMs, 30 * minuteMs],
  [0.138, 30 * minuteMs, 90 * minuteMs],
]

/** Does what the task says, at its time. Changes the shopper. */
export function carryOut(world: World, shopper: Shopper, task: Task): VisitResult {
  if (task.purpose === 'refund') return { events: refund(shopper, task), tasks: [] }
  if (shopper.kind === 'crawler') return crawl(world, shopper, task.atMs)
  if (shopper.kind === 'fast-bot') return rush(world, shopper, task.atMs)
  const visit = new Visit(world, shopper, deviceFor(shopper), task.atMs)
  const tasks = visits[task.purpose](world, visit)
  return { events: visit.events, tasks }
}

const visits: Record<Exclude<Task['purpose'], 'refund'>, (world: World, visit: Visit) => Task[]> = {
  browse: lookAround,
  shop,
  complete,
  touch,
}

function lookAround(world: World, visit: Visit): Task[] {
  const { random } = visit
  land(world, visit)
  if (random.chance(bounceShare)) return comeBack(visit, browseReturnShare * 0.7)
  const share = visit.device.isMobile ? cartShareMobile : cartShareDesktop
  if (random.chance(share * world.profile.cartFactor)) return shop(world, visit)
  browsePages(world, visit, drawPages(random, 1) - 1)
  return comeBack(visit, browseReturnShare)
}

function shop(world: World, visit: Visit): Task[] {
  const { random } = visit
  if (visit.events.length === 0) land(world, visit)
  const value = random.float()
  if (value < buyShare) return buy(world, visit)
  const isEmptied = value < buyShare + emptyShare
  leaveCart(world, visit, isEmptied)
  if (isEmptied) return comeBack(visit, browseReturnShare)
  return afterLeaving(visit)
}

function buy(world: World, visit: Visit): Task[] {
  const { random } = visit
  const lines = 1 + geometric(random, 1 / 1.8)
  const pages = drawPages(random, random.between(2.4, 4.4))
  browsePages(world, visit, Math.floor(pages / 2))
  for (let i = 0; i < lines; i++) {
    visit.pause()
    addProduct(world, visit)
    if (random.chance(0.4)) browsePages(world, visit, 1 + random.int(3))
  }
  if (random.chance(0.8)) viewCart(visit, random.chance(0.5))
  if (visit.shopper.basket.length > 1 && random.chance(0.08)) removeLine(visit)
  return [...checkOut(world, visit), ...afterBuying(visit)]
}

function leaveCart(world: World, visit: Visit, empties: boolean): void {
  const { random } = visit
  browsePages(world, visit, Math.floor(drawPages(random, random.between(0.8, 1.8)) / 2))
  visit.pause()
  addProduct(world, visit)
  const stayMs = drawSpan(random, stays)
  if (empties) emptyCart(world, visit)
  else if (stayMs > 30 * secondMs) lingerUntil(world, visit, stayMs)
}

function lingerUntil(world: World, visit: Visit, stayMs: number): void {
  const { random } = visit
  const endMs = visit.atMs + stayMs
  const checksOutMs = random.chance(0.38) ? endMs - stayMs * random.between(0.1, 0.5) : Infinity
  for (;;) {
    visit.pause(stayMs > 30 * minuteMs ? 3 : 1)
    if (visit.atMs > endMs) return
    if (visit.atMs > checksOutMs) return startCheckout(visit, endMs)
    dither(world, visit)
  }
}

/** One more step of somebody who will not buy today. */
function dither(world: World, visit: Visit): void {
  const { random } = visit
  const value = random.float()
  if (value < 0.33) addProduct(world, visit)
  else if (value < 0.5 && visit.shopper.basket.length > 1) removeLine(visit)
  else if (value < 0.62) viewCart(visit, random.chance(0.4))
  else browsePage(world, visit)
}

function startCheckout(visit: Visit, endMs: number): void {
  const { random } = visit
  if (visit.random.chance(0.3)) visit.logIn()
  visit.page('checkout', '/checkout')
  visit.emit('begin_checkout', cartSnapshot(visit, random.chance(0.6)), true)
  for (const [i, option] of (['contact', 'shipping', 'payment'] as const).entries()) {
    visit.pause(0.7)
    if (visit.atMs > endMs || random.chance(0.3)) return
    visit.emit('checkout_step', { step: i + 1, option }, true)
  }
}

function emptyCart(world: World, visit: Visit): void {
  const { random, shopper } = visit
  if (random.chance(0.5)) {
    visit.pause()
    addProduct(world, visit)
  }
  visit.pause()
  viewCart(visit, false)
  if (random.chance(0.25)) {
    visit.pause(0.3)
    shopper.basket = []
    visit.emit('cart_update', { items: [], currency: shopper.market.currency }, true)
  }
  while (shopper.basket.length > 0) removeLine(visit)
  if (random.chance(0.5)) {
    visit.pause()
    browsePage(world, visit)
  }
}

function complete(world: World, visit: Visit): Task[] {
  const { random, shopper } = visit
  if (shopper.basket.length === 0) return lookAround(world, visit)
  if (random.chance(0.4)) land(world, visit)
  visit.pause()
  viewCart(visit, random.chance(0.5))
  browsePages(world, visit, random.int(6))
  return [...checkOut(world, visit), ...afterBuying(visit)]
}

function touch(world: World, visit: Visit): Task[] {
  const { random, shopper } = visit
  if (shopper.basket.length === 0) return lookAround(world, visit)
  land(world, visit)
  visit.pause()
  viewCart(visit, true)
  browsePages(world, visit, random.int(4))
  if (random.chance(0.3)) addProduct(world, visit)
  return random.chance(0.2) ? [taskAfter(visit, 'complete', drawSpan(random, completeDelays))] : []
}

function land(world: World, visit: Visit): void {
  const value = visit.random.float()
  if (value < 0.4) visit.page('home', '/')
  else if (value < 0.65) visit.product(world.assortment.pick(visit.random))
  else browsePage(world, visit)
}

function browsePages(world: World, visit: Visit, count: number): void {
  for (let i = 0; i < count; i++) {
    visit.pause()
    browsePage(world, visit)
  }
}

function browsePage(world: World, visit: Visit): void {
  const { random } = visit
  const value = random.float()
  if (value < productShare) visit.product(world.assortment.pick(random))
  else if (value < 0.72) viewCategory(world, visit)
  else if (value < 0.85) search(world, visit)
  else if (value < 0.95) visit.page('home', '/')
  else visit.page('other', '/about')
}

function viewCategory(world: World, visit: Visit): void {
  const { random } = visit
  const shown = world.assortment.pick(random)
  const category = (shown.category ?? 'all').split('/')[0] as string
  visit.page('category', `/categories/${encodeURIComponent(category.toLowerCase())}`)
  if (!random.chance(0.3)) return
  const products = [shown, world.assortment.pick(random)]
  const items = products.map(({ productId }) => ({ productId, quantity: 1 }))
  visit.emit('view_item_list', { items, listName: category })
}

function search(world: World, visit: Visit): void {
  const { random } = visit
  const query = (world.assortment.pick(random).name.split(/[ ,]/)[0] as string).toLowerCase()
  visit.page('search', `/search?q=${encodeURIComponent(query)}`)
  visit.emit('search', { query, resultCount: 1 + random.int(9) })
}

function afterLeaving(visit: Visit): Task[] {
  const { random } = visit
  const { complete: completes, touch: touches, tooLate, browse } = returnShares
  const value = random.float()
  if (value < completes) return [taskAfter(visit, 'complete', drawSpan(random, completeDelays))]
  if (value < completes + touches)
    return [taskAfter(visit, 'touch', drawSpan(random, completeDelays))]
  if (value < completes + touches + tooLate) {
    return [taskAfter(visit, 'complete', random.between(7.2 * dayMs, 10 * dayMs))]
  }
  return comeBack(visit, browse)
}

function afterBuying(visit: Visit): Task[] {
  const { random, shopper } = visit
  renewCart(shopper)
  if (random.chance(repeatShare)) {
    return [taskAfter(visit, 'shop', Math.min(45 * dayMs, random.logNormal(9 * dayMs, 1)))]
  }
  return comeBack(visit, browseReturnShare)
}

function comeBack(visit: Visit, share: number): Task[] {
  if (!visit.random.chance(share)) return []
  return [
    taskAfter(visit, 'browse', Math.min(20 * dayMs, visit.random.logNormal(18 * hourMs, 1.5))),
  ]
}

/** Not before the session has surely ended, and rather at an hour when people of that zone are up. */
function taskAfter(visit: Visit, purpose: Task['purpose'], delayMs: number): Task {
  const { random } = visit
  const { utcOffsetHours } = visit.shopper.market
  let atMs = visit.atMs + Math.max(35 * minuteMs, delayMs)
  if (delayMs > 6 * hourMs) {
    for (let i = 0; i < 4 && !random.chance(localRhythm(atMs, utcOffsetHours) / hourPeak); i++) {
      atMs += random.between(hourMs, 5 * hourMs)
    }
  }
  return { atMs: Math.round(atMs), purpose }
}

/** The second device is taken up by chance; the first one is where they started. */
function deviceFor(shopper: Shopper): Device {
  const second = shopper.devices[1]
  const isSecond = second && shopper.visits > 0 && shopper.random.chance(0.5)
  return isSecond ? second : (shopper.devices[0] as Device)
}

function drawPages(random: Random, factor: number): number {
  return Math.min(300, Math.max(2, Math.round(random.logNormal(pagesMedian, pagesSigma) * factor)))
}

function drawSpan(
  random: Random,
  bands: readonly [share: number, fromMs: number, toMs: number][],
): number {
  const [, fromMs, toMs] = bands[
    random.weighted(bands.map(([share]) => share))
  ] as (typeof bands)[0]
  return random.between(fromMs, toMs)
}

/** Failures before the first success. */
function geometric(random: Random, success: number): number {
  return Math.floor(Math.log(1 - random.float()) / Math.log(1 - success))
}
