// Faults as Pub/Sub answers them.

import { status } from '@grpc/grpc-js'
import type { Clock } from '../base/clock.ts'
import { FaultPlan } from '../base/fault-plan.ts'
import type { PlannedFault } from '../base/fault-plan.ts'
import { Refused } from './refused.ts'

/** `method`: as in the protocol (Publish, StreamingPull). */
export interface Fault extends PlannedFault {
  /** Name of a gRPC status; absent: only the delay. */
  code?: keyof typeof status
}

export type Faults = FaultPlan<Fault>

export function createFaults(clock: Clock): Faults {
  return new FaultPlan<Fault>(clock, {
    isMethod: (fault, method) => fault.method === method,
    errorOf: ({ code }, message) =>
      code === undefined ? undefined : new Refused(status[code], message),
  })
}
