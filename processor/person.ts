// What stage two keeps of a person: what the rules of carts hold of it (cart/deed.ts), how much of the input that includes,
// and when time alone changes something. Plain data; the changelog holds it as it is.

import type { Holdings } from './cart/deed.ts'
import { emptyHoldings } from './cart/deed.ts'
import type { Person } from './model.ts'

export interface PersonState extends Holdings {
  /** Of the records of its partition, so many were taken when it was kept: what is among them is in here. */
  taken: number
  /** The watermark at which it must be judged again; null: never. */
  wakeMs: number | null
  /** The settled watermark at which something of it may be let go (T5); null: never. */
  letGoMs: number | null
}

export function emptyPerson(key: Person): PersonState {
  return { taken: 0, wakeMs: null, letGoMs: null, ...emptyHoldings(key) }
}
