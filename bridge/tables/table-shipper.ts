// One table on its way, whichever way that is: settles what is open, reads what history has behind the last row that
// landed, and gives it to its sink. A turn ends when everything is there, when the sink has taken its share or rests, or
// with the trouble that somebody has to wait for.

import type { Clock } from '#stack/base/clock.ts'
import type { HistoryClient } from '../history-client.ts'
import { ProtocolAlarm } from './logbook.ts'
import type { Logbook } from './logbook.ts'
import type { TableSink } from './sink.ts'
import type { Target } from './target.ts'

export interface ShipperOptions {
  book: Logbook
  /** The one that sends; the other only ends what it left open in an earlier life. */
  sink: TableSink
  other: TableSink
  history: HistoryClient
  target: Target
  clock: Clock
}

export type Turn =
  /** There is more. */
  | 'more'
  /** Everything is there. */
  | 'all there'
  /** BigQuery is at it. */
  | 'under way'
  /** It is too early for the next rows. */
  | 'resting'

export class TableShipper {
  readonly book: Logbook
  readonly #options: ShipperOptions
  #hasColumns = false
  /** The file is not older than the table: a stream that was open has said so, or the table itself. Asked before the first row. */
  #isSure = false

  constructor(options: ShipperOptions) {
    this.#options = options
    this.book = options.book
  }

  get restsUntilMs(): number {
    return this.#options.sink.restsUntilMs
  }

  async turn(epoch: number, signal: AbortSignal): Promise<Turn> {
    const { book, sink, history, target, clock } = this.#options
    if (!this.#hasColumns) {
      await target.ensureColumns(book.resource)
      this.#hasColumns = true
    }
    if (!(await this.#settle(epoch))) return 'under way'
    const afterSeq = Math.max(book.position ?? 0, book.ship.shippedSeq)
    book.position = afterSeq
    if (clock.now() < sink.restsUntilMs) return 'resting'
    const limit = sink.turnRows
    const range = { epoch, afterSeq, limit }
    const { toSeq, pages } = await history.pages(book.resource, range, signal)
    this.#checkHistory(toSeq)
    const first = await pages.next()
    if (first.done) return this.#allThere(toSeq)
    if (!this.#isSure) {
      await pages.return(undefined)
      return (await this.#ask(epoch)) ? 'more' : 'under way'
    }
    const sent = await sink.send(epoch, startingWith(first.value, pages))
    if (!sent.isSettled) return 'under way'
    return sent.isWhole && sent.rows < limit ? this.#allThere(toSeq) : 'more'
  }

  /** The history was rebuilt: what is said of `_seq` counts no more. */
  forget(): void {
    this.book.position = null
    for (const sink of this.#sinks) sink.forget()
  }

  /** What was read of the rows beyond is forgotten; what is under way is waited for by `turn`. */
  close(): void {
    for (const sink of this.#sinks) sink.close()
  }

  get #sinks(): TableSink[] {
    return [this.#options.other, this.#options.sink]
  }

  /** Brings what an earlier turn or an earlier life left open to its end, and this epoch to its beginning. */
  async #settle(epoch: number): Promise<boolean> {
    const { book } = this.#options
    if (book.known?.stream) this.#isSure = true
    for (const sink of this.#sinks) if (!(await sink.settle(epoch))) return false
    return book.known?.epoch === epoch || this.#ask(epoch)
  }

  #allThere(toSeq: number): Turn {
    const { book } = this
    book.position = Math.max(book.position ?? 0, toSeq)
    book.unsentSinceMs = null
    return 'all there'
  }

  /** The table says how far it is. */
  async #ask(epoch: number): Promise<boolean> {
    const { book, sink } = this.#options
    if (!(await sink.begin())) return false
    await book.askTable(epoch)
    this.#isSure = true
    return true
  }

  /** Rows that were shipped are gone from history: their numbers are given out again, to others. */
  #checkHistory(toSeq: number): void {
    const { resource, ship } = this.book
    if (toSeq >= ship.shippedSeq) return
    throw new ProtocolAlarm(
      `history ends at _seq ${toSeq}, and rows up to ${ship.shippedSeq} were shipped`,
      {
        where: resource.tableId,
        hint: 'its file lost its end; `slipway rebuild` gives it a new epoch, which is shipped anew',
      },
    )
  }
}

async function* startingWith<T>(first: T, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield first
    yield* rest
  } finally {
    await rest.return(undefined)
  }
}
