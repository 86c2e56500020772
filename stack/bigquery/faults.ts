// Faults as BigQuery answers them.

import type { Clock } from '../base/clock.ts'
import { FaultPlan } from '../base/fault-plan.ts'
import type { PlannedFault } from '../base/fault-plan.ts'
import { Refused } from './refused.ts'

/** `method`: of Storage Write (AppendRows), or a text in "POST /bigquery/v2/projects/…". */
export interface Fault extends PlannedFault {
  /** HTTP status, or the number of a gRPC status; absent: only the delay. */
  code?: number
  reason?: string
}

export type Faults = FaultPlan<Fault>

export function createFaults(clock: Clock): Faults {
  return new FaultPlan<Fault>(clock, {
    isMethod: (fault, method) => method.includes(fault.method),
    errorOf: ({ code, reason = 'backendError' }, message) =>
      code === undefined ? undefined : new Refused(code, reason, message),
  })
}
