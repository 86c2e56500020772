// The fault plan: calls that are to fail, be late, or lose their answer after the work was done. For tests of whoever
// calls; the last of these is what shows that repeated calls do no harm.

import { status } from '@grpc/grpc-js'
import type { Clock } from '../base/clock.ts'
import { Refused } from './refused.ts'

export interface Fault {
  /** As in the protocol: Publish, StreamingPull. */
  method: string
  /** Only calls whose request has this text in its topic or subscription. */
  match?: string
  /** Name of a gRPC status; absent: only the delay. */
  code?: keyof typeof status
  message?: string
  /** How many calls; 1 if absent. */
  times?: number
  delayMs?: number
  /** Do the work, then answer with the code. */
  dropResponseAfterCommit?: boolean
}

export class FaultPlan {
  #faults: { fault: Fault; left: number }[] = []

  set(faults: readonly Fault[]): void {
    this.#faults = faults.map((fault) => ({ fault, left: fault.times ?? 1 }))
  }

  /** How many calls are still to be hit. */
  get left(): number {
    return this.#faults.reduce((sum, { left }) => sum + left, 0)
  }

  /** Runs the work as the plan wants it. */
  async around<T>(
    { method, resource, clock }: { method: string; resource: string; clock: Clock },
    work: () => T | Promise<T>,
  ): Promise<T> {
    const fault = this.#next(method, resource)
    if (!fault) return work()
    if (fault.delayMs !== undefined) await clock.sleep(fault.delayMs)
    if (fault.code === undefined) return work()
    if (fault.dropResponseAfterCommit) await work()
    throw new Refused(status[fault.code], fault.message ?? `a planned fault of ${method}`)
  }

  #next(method: string, resource: string): Fault | undefined {
    const planned = this.#faults.find(
      ({ fault, left }) =>
        left > 0 && fault.method === method && resource.includes(fault.match ?? ''),
    )
    if (!planned) return undefined
    planned.left--
    return planned.fault
  }
}
