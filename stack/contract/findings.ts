// What was found wrong with an event: every check reports, the one that comes first in the order of events.md 1.4 names
// the reason.

import { limits } from './event-fields.ts'
import type { RejectReason } from './events.ts'

export interface Refusal {
  ok: false
  reason: RejectReason
  /** Path of the field, `data.items[3].quantity`; null where the whole is meant. */
  field: string | null
  message: string
}

/** The order of 1.4; the least step names the reason. */
export const steps = {
  name: 4,
  identity: 5,
  time: 6,
  envelope: 7,
  length: 8,
  itemCount: 9,
  itemField: 10,
  quantity: 11,
  itemMoney: 12,
  required: 13,
  orderId: 14,
  currency: 15,
  money: 16,
} as const

export type Step = (typeof steps)[keyof typeof steps]

export class Findings {
  first: Refusal | undefined
  #step = Infinity
  /** A later minor may have added values to an enumeration (1.5). */
  readonly isNewer: boolean

  constructor(isNewer: boolean) {
    this.isNewer = isNewer
  }

  add(step: Step, reason: RejectReason, field: string, message: string): void {
    if (step >= this.#step) return
    this.#step = step
    // A key may be as long as the event.
    const path = field.slice(0, limits.identityUnits).toWellFormed()
    this.first = refusal(reason, path, `${path} ${message}`)
  }
}

export function refusal(reason: RejectReason, field: string | null, message: string): Refusal {
  return { ok: false, reason, field, message }
}
