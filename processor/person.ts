// What stage two keeps of a person: what the rules of carts hold of it (cart/deed.ts), how much of the input that includes,
// and when time alone changes something. Plain data; the changelog holds it as it is.

import type { Holdings } from './cart/deed.ts'
import { emptyHoldings } from './cart/deed.ts'
import type { Person } from './model.ts'

export interface PersonState extends Holdings {
  /** Offset after the last record that is in here. */
  nextOffset: number
  /** The watermark at which it must be judged again; null: never. */
  wakeMs: number | null
}

export function emptyPerson(key: Person): PersonState {
  return { nextOffset: 0, wakeMs: null, ...emptyHoldings(key) }
}
