// Faults as the broker has them: a request that is late, is answered with an error code without being done, is done or
// not done and never answered, or whose connection is closed instead.

import type { Clock } from '../base/clock.ts'
import { UsageError } from '../base/errors.ts'
import { FaultPlan } from '../base/fault-plan.ts'
import type { PlannedFault } from '../base/fault-plan.ts'
import { errorCodes } from './protocol/errors.ts'
import type { ErrorName } from './protocol/errors.ts'

/** `method`: the name of an API (Produce, Fetch). `match` looks at the client id. */
export interface Fault extends PlannedFault {
  /** What the answer says of everything that was asked. */
  code?: ErrorName
  /** Instead of a code; with neither, the request is only late. */
  instead?: 'disconnect' | 'silence'
}

export type Faults = FaultPlan<Fault>

/** What becomes of the answer. */
export class PlannedEnd extends Error {
  override name = 'PlannedEnd'
  readonly end: ErrorName | 'disconnect' | 'silence'

  constructor(end: PlannedEnd['end'], message: string) {
    super(message)
    this.end = end
  }
}

export function createFaults(clock: Clock): Faults {
  return new FaultPlan<Fault>(clock, {
    isMethod: (fault, method) => fault.method === method,
    check({ code }) {
      if (code === undefined || Object.hasOwn(errorCodes, code)) return
      throw new UsageError(`there is no error code ${code}`)
    },
    errorOf({ code, instead }, message) {
      const end = code ?? instead
      return end === undefined ? undefined : new PlannedEnd(end, message)
    },
  })
}
