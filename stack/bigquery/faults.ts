// The fault plan: calls that are to fail, be late, or lose their answer after the work was done. For tests of whoever
// calls; the last of these is what shows that repeated calls do no harm.

import type { Clock } from '../base/clock.ts'
import { Refused } from './refused.ts'

export interface Fault {
  /** A method of Storage Write (AppendRows), or a text in "POST /bigquery/v2/projects/…". */
  method: string
  /** Only calls whose table, stream or path has this text. */
  match?: string
  /** HTTP status, or the number of a gRPC status; absent: only the delay. */
  code?: number
  reason?: string
  message?: string
  /** How many calls; 1 if absent. */
  times?: number
  delayMs?: number
  /** Do the work, then answer with the code. */
  dropResponseAfterCommit?: boolean
}

export class FaultPlan {
  readonly #clock: Clock
  #faults: { fault: Fault; left: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(faults: readonly Fault[]): void {
    this.#faults = faults.map((fault) => ({ fault, left: fault.times ?? 1 }))
  }

  /** How many calls are still to be hit. */
  get left(): number {
    return this.#faults.reduce((sum, { left }) => sum + left, 0)
  }

  async around<T>(
    { method, resource }: { method: string; resource: string },
    work: () => T | Promise<T>,
  ): Promise<T> {
    const fault = this.#next(method, resource)
    if (!fault) return work()
    if (fault.delayMs !== undefined) await this.#clock.sleep(fault.delayMs)
    if (fault.code === undefined) return work()
    if (fault.dropResponseAfterCommit) await work()
    throw new Refused(
      fault.code,
      fault.reason ?? 'backendError',
      fault.message ?? `a planned fault of ${method}`,
    )
  }

  #next(method: string, resource: string): Fault | undefined {
    const planned = this.#faults.find(
      ({ fault, left }) =>
        left > 0 && method.includes(fault.method) && resource.includes(fault.match ?? ''),
    )
    if (!planned) return undefined
    planned.left--
    return planned.fault
  }
}
