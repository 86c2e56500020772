// The row of the table `carts` that an episode should have.

import { abandonmentId } from '#stack/contract/ids.ts'
import { isoTime } from '#stack/base/units.ts'
import type { Settings } from '#stack/contract/settings.ts'
import type { CartLedger } from './carts.ts'
import { valueOf } from './episode.ts'
import type { Episode } from './episode.ts'
import type { TrueSession } from './sessions.ts'

const stages = ['cart', 'checkout', 'payment'] as const

export type CartRow = Record<string, unknown>

/** The row of an episode as of a time; `closed_at` and state of what is lost by then (R23). */
export function cartRow(
  { ledger, sessions }: { ledger: CartLedger; sessions: readonly TrueSession[] },
  episode: Episode,
  asOfMs: number,
  settings: Settings,
): CartRow {
  const { cart, state, abandonedMs, order } = episode
  const lostMs = (abandonedMs ?? Infinity) + settings.recoveryWindowMs
  const isLost = state === 'abandoned' && asOfMs >= lostMs
  const wasAbandoned = abandonedMs !== undefined
  const row = {
    cart_key: cart.key,
    episode: episode.number,
    state: isLost ? 'lost' : state,
    started_at: isoTime(episode.startedMs),
    closed_at: isLost ? isoTime(lostMs) : timeOrNull(episode.closedMs),
  }
  // What a folded row still shows of its content is nobody's business: the cart lives on in another.
  if (state === 'merged') return row
  return {
    ...row,
    person_id: episode.owner,
    cart_id: cart.cartId,
    anonymous_id: episode.anonymousId,
    stage: stages[episode.stage],
    last_activity_at: isoTime(episode.lastActivityMs),
    deadline_at: isoTime(ledger.deadlineMs(episode)),
    abandonment_id: wasAbandoned
      ? abandonmentId(cart.key, episode.start.source, episode.start.eventId)
      : null,
    abandoned_at: timeOrNull(abandonedMs),
    ...contentColumns(episode),
    order_id: order?.orderId ?? null,
    recovered_at: state === 'recovered' ? timeOrNull(order?.atMs) : null,
    recovered_value_minor: state === 'recovered' ? (order?.merchandiseMinor ?? null) : null,
    recovered_currency: state === 'recovered' ? (order?.currency ?? null) : null,
    contactable: episode.marketing === true,
    // Nobody's cooldown is simulated.
    ...(settings.cooldownMs === 0 && { suppressed: false }),
    session_keys: sessionKeys(episode, sessions),
    flags: [...episode.flags, ...(episode.declared?.isMismatch ? ['totalMismatch'] : [])].sort(),
  }
}

/** Of its own events; final, so that the sessions may have begun after them. */
function sessionKeys({ acts }: Episode, sessions: readonly TrueSession[]): string[] {
  const own = sessions.filter((session) => session.acts.some((act) => acts.includes(act)))
  return own.map(({ key }) => key).sort()
}

function contentColumns(episode: Episode): CartRow {
  const items = [...episode.lines].map(([key, line]) => {
    const price = episode.prices.get(key)
    return {
      ...line,
      unitPriceMinor: price?.unitPriceMinor ?? null,
      discountMinor: price?.discountMinor ?? null,
      valueMinor: price ? line.quantity * (price.unitPriceMinor - price.discountMinor) : null,
      currency: price?.currency ?? null,
    }
  })
  items.sort(
    (a, b) => compare(a.productId, b.productId) || compare(a.variantId ?? '', b.variantId ?? ''),
  )
  const units = items.reduce((sum, item) => sum + item.quantity, 0)
  const content = {
    items,
    item_count: items.length,
    units,
    declared_value_minor: episode.declared?.totalMinor ?? null,
  }
  // Of an emptied cart only that it is worth nothing is sure; which currency that is, is not.
  if (items.length === 0) return { ...content, value_minor: 0 }
  const valueMinor = valueOf(episode)
  const currency = items[0]?.currency ?? null
  return {
    ...content,
    value_minor: valueMinor,
    currency,
    currency_mixed: false,
    value_by_currency: valueMinor === null ? [] : [{ currency, valueMinor }],
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms)
}
