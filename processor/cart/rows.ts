// An episode as it is published: the row of `cart-episodes` (interfaces.md 4) and, while it is abandoned, recovered or
// lost, the record of `cart-abandonment` (events.md 2.6). Revision and processedAt are added where it is published.
//
// `reason` of the row stays null: why a verdict was taken back depends on the order of arrival, and a row is a function
// of the set of events alone (T7); the retracted record carries it.

import type { AbandonmentRecord, CartFlag, CartRecord, CartState } from '#stack/contract/cart.ts'
import { abandonmentId } from '#stack/contract/ids.ts'
import { isoTime } from '#stack/base/units.ts'
import { compareBytes } from '#stack/contract/order.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { ClosingOrder, Episode } from './episode.ts'
import { linesOf, totalsOf } from './lines.ts'

export type CartRow = Omit<CartRecord, 'revision' | 'processedAt'>
export type Verdict = Omit<AbandonmentRecord, 'reason' | 'revision' | 'processedAt'>

export interface Judgement {
  suppressed: boolean
  watermarkMs: number
  settings: Settings
}

export function rowOf(episode: Episode, judgement: Judgement): CartRow {
  const { cart, number, outcome, person } = episode
  const state = stateOf(episode, judgement)
  return {
    cartKey: cart.key,
    episode: number,
    abandonmentId: hasRecord(state) ? idOf(episode) : null,
    state,
    stage: episode.stage,
    personId: person,
    cartId: cart.cartId,
    anonymousId: episode.anonymousId?.value ?? null,
    userId: person.startsWith('u:') ? person.slice(2) : null,
    startedAt: isoTime(episode.start.value.timeMs),
    lastActivityAt: isoTime(episode.lastActivityMs),
    deadlineAt: isoTime(episode.deadlineMs),
    abandonedAt: outcome.kind === 'expired' ? isoTime(outcome.atMs) : null,
    closedAt: closedAtOf(episode, state, judgement.settings),
    ...contentOf(episode),
    ...purchaseOf(orderOf(episode), state),
    ...circumstancesOf(episode),
    contactable: episode.marketing?.value ?? false,
    suppressed: judgement.suppressed,
    afterAbandonment: episode.ancestors.some(isAbandonment),
    reason: null,
    flags: flagsOf(episode),
  }
}

/** Null for an episode without a record: not abandoned, or no longer, or below the least value. */
export function verdictOf(row: CartRow, { abandonAfterMs }: Settings): Verdict | null {
  const { abandonmentId: id, abandonedAt, state } = row
  if (id === null || abandonedAt === null || !hasRecord(state)) return null
  return {
    abandonmentId: id,
    status: state,
    stage: row.stage,
    cartKey: row.cartKey,
    cartId: row.cartId,
    episode: row.episode,
    anonymousId: row.anonymousId,
    userId: row.userId,
    personId: row.personId,
    startedAt: row.startedAt,
    lastActivityAt: row.lastActivityAt,
    abandonedAt,
    windowMs: abandonAfterMs,
    items: row.items,
    itemCount: row.itemCount,
    units: row.units,
    valueMinor: row.valueMinor,
    currency: row.currency,
    currencyMixed: row.currencyMixed,
    valueByCurrency: row.valueByCurrency,
    declaredValueMinor: row.declaredValueMinor,
    flags: row.flags,
    sessionKeys: row.sessionKeys,
    country: row.country,
    device: row.device,
    campaign: {
      source: row.campaignSource,
      medium: row.campaignMedium,
      name: row.campaignName,
    },
    contactable: row.contactable,
    suppressed: row.suppressed,
    recoveredOrderId: row.orderId,
    recoveredAt: row.recoveredAt,
    recoveredValueMinor: row.recoveredValueMinor,
    recoveredCurrency: row.recoveredCurrency,
    schemaVersion: '1.0',
  }
}

/** R11, R14, R19, R23. */
function stateOf({ outcome }: Episode, { watermarkMs, settings }: Judgement): CartState {
  if (outcome.kind !== 'expired') return outcome.kind
  if (outcome.order !== null) return outcome.isSmall ? 'converted' : 'recovered'
  if (outcome.isSmall) return 'ignored_small'
  return watermarkMs >= outcome.atMs + settings.recoveryWindowMs ? 'lost' : 'abandoned'
}

function hasRecord(state: CartState): state is 'abandoned' | 'recovered' | 'lost' {
  return state === 'abandoned' || state === 'recovered' || state === 'lost'
}

/** 2.7, A: small ones are none (R23). */
function isAbandonment({ outcome }: Episode): boolean {
  return outcome.kind === 'expired' && !outcome.isSmall
}

/** 2.6: a late event that becomes the start makes another episode of it, with another id. */
function idOf({ cart, start }: Episode): string {
  return abandonmentId(cart.key, start.value.source, start.value.eventId)
}

function closedAtOf(episode: Episode, state: CartState, settings: Settings): string | null {
  const order = orderOf(episode)
  if (order !== null) return isoTime(order.atMs)
  const { outcome } = episode
  if (outcome.kind === 'emptied' || outcome.kind === 'merged') return isoTime(outcome.atMs)
  if (outcome.kind !== 'expired') return null
  if (state === 'lost') return isoTime(outcome.atMs + settings.recoveryWindowMs)
  return state === 'ignored_small' ? isoTime(outcome.atMs) : null
}

function orderOf({ outcome }: Episode): ClosingOrder | null {
  return outcome.kind === 'converted' || outcome.kind === 'expired' ? outcome.order : null
}

function contentOf({ content, declared }: Episode) {
  const items = linesOf(content)
  return {
    items,
    itemCount: items.length,
    units: items.reduce((units, { quantity }) => units + quantity, 0),
    ...totalsOf(items),
    declaredValueMinor: declared?.value.totalMinor ?? null,
  }
}

function purchaseOf(order: ClosingOrder | null, state: CartState) {
  const recovery = state === 'recovered' ? order : null
  return {
    orderId: order?.orderId ?? null,
    recoveredAt: recovery === null ? null : isoTime(recovery.atMs),
    recoveredValueMinor: recovery?.amountMinor ?? null,
    recoveredCurrency: recovery?.currency ?? null,
  }
}

function circumstancesOf({ sessionKeys, country, device, campaign }: Episode) {
  return {
    sessionKeys: [...sessionKeys].sort(compareBytes),
    country: country?.value ?? null,
    device: device?.value ?? null,
    campaignSource: campaign?.value.source ?? null,
    campaignMedium: campaign?.value.medium ?? null,
    campaignName: campaign?.value.name ?? null,
  }
}

function flagsOf({ declared, isUnderflow }: Episode): CartFlag[] {
  const flags: CartFlag[] = []
  if (declared?.value.isMismatch === true) flags.push('totalMismatch')
  if (isUnderflow) flags.push('underflow')
  return flags
}
