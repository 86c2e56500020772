// The contract of a way of rows into a table. There are two: `stream-sink.ts` appends to streams of Storage Write,
// `load-sink.ts` runs load jobs. Both keep what they know in the table's logbook, so that either goes on where the other
// has ended: in every life each settles what it finds open, and one of them sends.

import type { RowPage } from '#stack/contract/row-pages.ts'

export interface TableSink {
  /** Rows that are read for one sending, at most. */
  readonly turnRows: number
  /** Nothing is to be sent before. */
  readonly restsUntilMs: number
  /** Brings to its end what an earlier turn or an earlier life left open. False: BigQuery is still at it. */
  settle(epoch: number): Promise<boolean>
  /** Before the table is asked how far it is. False: a life that is forgotten may still have something under way. */
  begin(): Promise<boolean>
  /** Rows behind those that have landed, in their order. */
  send(epoch: number, pages: AsyncIterable<RowPage>): Promise<Sent>
  /** The history was rebuilt: what is said of `_seq` counts no more. */
  forget(): void
  close(): void
}

export interface Sent {
  /** How many were taken. */
  rows: number
  /** Of those that were given all were taken. */
  isWhole: boolean
  /** False: BigQuery is still at it, and `settle` will tell. */
  isSettled: boolean
}
