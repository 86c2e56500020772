// A shopper: who one simulated person is, and what the shop remembers of them between visits. Everything about them
// is drawn from (seed, number), so nobody else's presence changes it.

import { Random } from '#stack/base/random.ts'
import type { Agents } from './agents.ts'
import type { Assortment } from './assortment.ts'
import { marketWeights } from './rhythm.ts'
import { markets } from './markets.ts'
import type { Market } from './markets.ts'
import type { Profile } from './profile.ts'

export type ShopperKind = 'person' | 'crawler' | 'fast-bot' | 'tester'

/** The shop that all shoppers of a run walk through. */
export interface World {
  seed: number
  /** Prefix of every id and source, so that runs of several tests never meet; '' for the demo. */
  namespace: string
  profile: Profile
  assortment: Assortment
  agents: Agents
  openingMs: number
}

export interface Device {
  anonymousId: string
  agent: string
  isMobile: boolean
  source: string
  seq: number
  /** Logged in on this device: its events carry the userId from here on. */
  isLoggedIn: boolean
}

export interface BasketLine {
  productId: string
  variantId?: string
  quantity: number
}

/** An order as the shop's books have it. */
export interface PlacedOrder {
  orderId: string
  userId: string | undefined
  anonymousId: string
  currency: string
  merchandiseMinor: number
  lines: readonly (BasketLine & { unitPriceMinor: number; discountMinor: number })[]
}

/** What somebody will do later: come back, or be paid back. */
export interface Task {
  atMs: number
  purpose: Purpose
  order?: PlacedOrder
}

/**
 * browse: looks around. shop: means to fill a cart. complete: comes back to buy what lies in it. touch: comes back to
 * the cart and leaves again. refund: the order service pays back.
 */
export type Purpose = 'browse' | 'shop' | 'complete' | 'touch' | 'refund'

export interface Shopper {
  id: string
  kind: ShopperKind
  random: Random
  market: Market
  ip: string
  devices: Device[]
  /** Of those with an account; sent from the log-in on. */
  userId: string | undefined
  allowsAnalytics: boolean
  allowsMarketing: boolean | null
  /** Does this shop front send cart ids; does it declare totals? */
  namesCart: boolean
  declaresTotals: boolean
  cartId: string
  carts: number
  basket: BasketLine[]
  orders: number
  visits: number
}

const accountShare = 0.4
const appShareOfMobile = 0.3
const namesCartShare = 0.6
const declaresTotalsShare = 0.5

export function createShopper(
  world: World,
  { bucket, index, arrivalMs }: { bucket: number; index: number; arrivalMs: number },
): Shopper {
  const number = `${bucket.toString(36)}.${index.toString(36)}`
  const random = new Random(`${world.seed}/shopper/${number}`)
  const id = `${idPrefix(world)}${number}`
  const kind = drawKind(world.profile, random)
  const market = markets[random.weighted(marketWeights(arrivalMs))] as Market
  const shopper: Shopper = {
    id,
    kind,
    random,
    market,
    ip: random.pick(market.networks),
    devices: [drawDevice(world, random, `v-${id}`, kind)],
    userId: kind === 'person' && random.chance(accountShare) ? `u-${id}` : undefined,
    allowsAnalytics: !random.chance(world.profile.noConsentShare) || kind !== 'person',
    allowsMarketing: drawMarketing(random),
    namesCart: random.chance(namesCartShare),
    declaresTotals: random.chance(declaresTotalsShare),
    cartId: '',
    carts: 0,
    basket: [],
    orders: 0,
    visits: 0,
  }
  if (shopper.userId !== undefined && random.chance(world.profile.secondDeviceShare)) {
    shopper.devices.push(drawDevice(world, random, `w-${id}`, kind))
  }
  renewCart(shopper)
  return shopper
}

/** A cart is over when its order is placed; the next one has another id. */
export function renewCart(shopper: Shopper): void {
  shopper.basket = []
  shopper.carts++
  shopper.cartId = `c-${shopper.id}-${shopper.carts}`
}

function idPrefix(world: World): string {
  const namespace = world.namespace === '' ? '' : `${world.namespace}.`
  return `${namespace}${world.seed.toString(36)}.`
}

function drawKind(profile: Profile, random: Random): ShopperKind {
  const value = random.float()
  if (value < profile.declaredBotShare) return 'crawler'
  if (value < profile.declaredBotShare + profile.fastBotShare) return 'fast-bot'
  return value > 1 - profile.testShare ? 'tester' : 'person'
}

function drawDevice(world: World, random: Random, anonymousId: string, kind: ShopperKind): Device {
  const { userAgent, isMobile } = world.agents.browser(random)
  const isApp = isMobile && random.chance(appShareOfMobile)
  const source = kind === 'person' && isApp ? 'app' : 'web'
  return {
    anonymousId,
    agent: kind === 'crawler' ? world.agents.crawler(random) : userAgent,
    isMobile,
    source: world.namespace === '' ? source : `${world.namespace}.${source}`,
    seq: 0,
    isLoggedIn: false,
  }
}

function drawMarketing(random: Random): boolean | null {
  const value = random.float()
  if (value < 0.45) return true
  return value < 0.65 ? false : null
}
