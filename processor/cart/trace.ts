// What a fold tells whoever listens: which event did what to which episode, by which rule. `slipway why` is made of it;
// without a listener nothing is built.

/** Said of an event, or of time alone (`expired`). */
export type Effect =
  | 'started'
  | 'taken over'
  | 'reanimated'
  | 'lines'
  | 'underflow'
  | 'stage'
  | 'seen'
  | 'extended'
  | 'emptied'
  | 'expired'
  | 'too small'
  | 'converted'
  | 'recovered'
  | 'merged'
  | 'renamed'
  | Ignored

/** Why an event did nothing to any cart. */
export type Ignored =
  | 'no cart to change'
  | 'nothing to merge'
  | 'order known'
  | 'cart of somebody else'
  | 'no match'
  | 'waits for a deadline'

export interface Remark {
  /** Place of the event in T3 order; null when time alone did it. */
  at: number | null
  timeMs: number
  rule: string
  effect: Effect
  cartKey: string | null
  episode: number | null
  lastActivityMs: number | null
  deadlineMs: number | null
  /** What lies in the cart after it. */
  units: number
  valueMinor: number | null
  currency: string | null
}

export type Trace = (remark: Remark) => void
