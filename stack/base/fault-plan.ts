// The fault plan of a server: calls that are to fail, be late, or lose their answer after the work was done. For tests of
// whoever calls; the last of these is what shows that repeated calls do no harm.

import type { Clock } from './clock.ts'
import { UsageError } from './errors.ts'

export interface PlannedFault {
  /** Which call; the server says how it is compared. */
  method: string
  /** Only calls whose resource has this text. */
  match?: string
  message?: string
  /** How many calls; 1 if absent. */
  times?: number
  delayMs?: number
  /** Do the work, then answer with the error. */
  dropResponseAfterCommit?: boolean
}

export interface Call {
  method: string
  resource: string
}

export interface FaultRules<F extends PlannedFault> {
  isMethod(fault: F, method: string): boolean
  /** Throws what is wrong with a fault. */
  check?(fault: F): void
  /** The error that the fault answers with; undefined: only the delay. */
  errorOf(fault: F, message: string): Error | undefined
}

export class FaultPlan<F extends PlannedFault> {
  readonly #clock: Clock
  readonly #rules: FaultRules<F>
  #faults: { fault: F; left: number }[] = []

  constructor(clock: Clock, rules: FaultRules<F>) {
    this.#clock = clock
    this.#rules = rules
  }

  set(faults: readonly F[]): void {
    this.#faults = faults.map((fault) => ({ fault, left: fault.times ?? 1 }))
  }

  /** The body of POST /control/faults: `{"faults": [...]}` replaces the plan. */
  accept(body: unknown): { left: number } {
    const { faults } = body as { faults?: F[] }
    if (!Array.isArray(faults)) throw new UsageError('give faults, a list')
    for (const fault of faults) this.#rules.check?.(fault)
    this.set(faults)
    return { left: this.left }
  }

  /** How many calls are still to be hit. */
  get left(): number {
    return this.#faults.reduce((sum, { left }) => sum + left, 0)
  }

  /** Runs the work as the plan wants it. */
  async around<T>(call: Call, work: () => T | Promise<T>): Promise<T> {
    const fault = this.#next(call)
    if (!fault) return work()
    if (fault.delayMs !== undefined) await this.#clock.sleep(fault.delayMs)
    const error = this.#rules.errorOf(fault, fault.message ?? `a planned fault of ${call.method}`)
    if (error === undefined) return work()
    if (fault.dropResponseAfterCommit) await work()
    throw error
  }

  #next({ method, resource }: Call): F | undefined {
    const planned = this.#faults.find(
      ({ fault, left }) =>
        left > 0 && this.#rules.isMethod(fault, method) && resource.includes(fault.match ?? ''),
    )
    if (!planned) return undefined
    planned.left--
    return planned.fault
  }
}
