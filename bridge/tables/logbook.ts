// One table's way as far as it is known: the facts on disk, what was counted, and rows that were refused. Both sinks write
// in it, and the lane reads it.

import { OperatingError } from '#stack/base/errors.ts'
import { isValue, numberAt } from '#stack/contract/row-pages.ts'
import type { RowPage } from '#stack/contract/row-pages.ts'
import { tables } from '#stack/contract/tables.ts'
import type { BadRow } from './batches.ts'
import { afterAskingTable } from './protocol.ts'
import type { Alarm, Fact, Ship } from './protocol.ts'
import type { TableResource } from './resources.ts'
import type { StateFile } from './state-file.ts'
import { noCounts } from './table-metrics.ts'
import type { CountRow, ShipperCounts } from './table-metrics.ts'
import type { Target } from './target.ts'

/** Where a process may be killed; for tests that do it. */
export type Step =
  | Fact['fact']
  | 'sending'
  | 'replied'
  | 'created'
  | 'finalized'
  | 'filed'
  | 'asked'

export interface LogbookOptions {
  resource: TableResource
  target: Pick<Target, 'ask'>
  state: StateFile
  /** Resolves when the row is durable in the error lane. */
  onBadRow(bad: BadRow & { position: string }): Promise<void>
  count: CountRow
  onStep?: ((step: Step) => void) | undefined
}

/** What cannot be, and stops the table until a person has looked. */
export class ProtocolAlarm extends OperatingError {
  override name = 'ProtocolAlarm'
}

export class Logbook {
  readonly resource: TableResource
  readonly counts: ShipperCounts = noCounts()
  /** Everything up to here is there, or was when it was looked at last. */
  position: number | null = null
  /** The time of the first row that is not there, as far as it has been read. */
  unsentSinceMs: number | null = null
  readonly #options: LogbookOptions

  constructor(options: LogbookOptions) {
    this.#options = options
    this.resource = options.resource
  }

  get known(): Ship | undefined {
    return this.#options.state.ships.get(this.resource.name)
  }

  get ship(): Ship {
    if (!this.known) throw new Error(`nothing is known of ${this.resource.tableId}`)
    return this.known
  }

  record(fact: Fact): void {
    this.#options.state.record(this.resource.name, fact)
    this.step(fact.fact)
  }

  recordAll(facts: Fact[] | Alarm): void {
    if ('alarm' in facts) {
      throw new ProtocolAlarm(facts.alarm, {
        where: this.resource.tableId,
        hint: '`slipway bridge verify` names what differs',
      })
    }
    for (const fact of facts) this.record(fact)
  }

  /** A row was read that is not there. */
  notice(page: RowPage, row: number): void {
    if (this.unsentSinceMs !== null) return
    const time = page.column(tables[this.resource.name].time)
    if (isValue(time, row)) this.unsentSinceMs = Math.floor(numberAt(time, row) / 1000)
  }

  /** What was read is there now, or in the error lane. */
  settled(): void {
    this.position = this.ship.shippedSeq
    this.unsentSinceMs = null
  }

  count(what: keyof ShipperCounts, by = 1): void {
    this.counts[what] += by
    this.#options.count(this.resource.tableId, what, by)
  }

  step(step: Step): void {
    this.#options.onStep?.(step)
  }

  async tellBad(rows: readonly BadRow[]): Promise<void> {
    for (const bad of rows) {
      const position = `${this.resource.tableId}/${this.ship.epoch}@${bad.seq}`
      await this.#options.onBadRow({ ...bad, position })
      this.count('errors')
    }
  }

  async askTable(epoch: number): Promise<void> {
    const all = { epoch, seqFrom: 0, seqTo: Number.MAX_SAFE_INTEGER }
    const answer = await this.#options.target.ask(this.resource.tableId, all)
    this.recordAll(afterAskingTable(epoch, answer, this.known))
    this.position = this.ship.shippedSeq
  }
}

/** What passes: the table waits, and it is tried again. */
export function trouble(what: string, where: string): OperatingError {
  return new OperatingError(what, { where, retriable: true })
}
