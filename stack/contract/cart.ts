// Records of `cart-episodes` (the row of the table `carts` in camelCase, every state of every episode) and of
// `cart-abandonment` (the verdicts people act on, events.md 2.6).

export const cartStates = [
  'open',
  'converted',
  'abandoned',
  'recovered',
  'lost',
  'emptied',
  'merged',
  'ignored_small',
] as const
export type CartState = (typeof cartStates)[number]

export const cartStages = ['cart', 'checkout', 'payment'] as const
export type CartStage = (typeof cartStages)[number]

export type CartFlag = 'totalMismatch' | 'underflow'

/** What late events do to a verdict (T6). */
export const retractionReasons = [
  'late_purchase',
  'late_activity',
  'late_emptied',
  'late_merge',
  'late_start',
] as const
export type RetractionReason = (typeof retractionReasons)[number]

/** Lines are sorted by productId, variantId. Unknown price: unitPriceMinor, discountMinor and valueMinor null. */
export interface CartLine {
  productId: string
  variantId: string | null
  quantity: number
  unitPriceMinor: number | null
  discountMinor: number | null
  valueMinor: number | null
  currency: string | null
}

export interface CurrencyValue {
  currency: string
  valueMinor: number
}

/** Key on the topic: `<cartKey>#<episode>`. */
export interface CartRecord {
  cartKey: string
  episode: number
  /** Null while the episode has never been abandoned, or no longer is. */
  abandonmentId: string | null
  state: CartState
  stage: CartStage
  personId: string
  cartId: string | null
  anonymousId: string | null
  userId: string | null
  startedAt: string
  lastActivityAt: string
  deadlineAt: string
  abandonedAt: string | null
  closedAt: string | null
  items: CartLine[]
  itemCount: number
  units: number
  valueMinor: number | null
  currency: string | null
  currencyMixed: boolean
  valueByCurrency: CurrencyValue[]
  declaredValueMinor: number | null
  orderId: string | null
  recoveredAt: string | null
  recoveredValueMinor: number | null
  recoveredCurrency: string | null
  sessionKeys: string[]
  country: string | null
  device: string | null
  campaignSource: string | null
  campaignMedium: string | null
  campaignName: string | null
  contactable: boolean
  suppressed: boolean
  /** It goes on from an abandoned episode, under this key or another (R22, R4): bought, it is no conversion (C of 2.7). */
  afterAbandonment: boolean
  /** Of the last retraction or recovery. */
  reason: string | null
  flags: CartFlag[]
  revision: number
  processedAt: string
}

export type AbandonmentStatus = 'abandoned' | 'recovered' | 'retracted' | 'lost'

/** Key on the topic: `abandonmentId`. One live record per episode (T8). */
export interface AbandonmentRecord {
  abandonmentId: string
  status: AbandonmentStatus
  reason: RetractionReason | null
  stage: CartStage
  cartKey: string
  cartId: string | null
  episode: number
  anonymousId: string | null
  userId: string | null
  personId: string
  startedAt: string
  lastActivityAt: string
  abandonedAt: string
  windowMs: number
  items: CartLine[]
  itemCount: number
  units: number
  valueMinor: number | null
  currency: string | null
  currencyMixed: boolean
  valueByCurrency: CurrencyValue[]
  declaredValueMinor: number | null
  flags: CartFlag[]
  sessionKeys: string[]
  country: string | null
  device: string | null
  campaign: { source: string | null; medium: string | null; name: string | null }
  contactable: boolean
  suppressed: boolean
  recoveredOrderId: string | null
  recoveredAt: string | null
  recoveredValueMinor: number | null
  recoveredCurrency: string | null
  schemaVersion: '1.0'
  revision: number
  processedAt: string
}

export function episodeKey(cartKey: string, episode: number): string {
  return `${cartKey}#${episode}`
}
