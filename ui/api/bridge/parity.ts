// The parity strip: how many rows of each table history and BigQuery have as of one `_seq`. History is asked once, in one
// snapshot; BigQuery until it has that, or a few seconds are over, so that what is only on its way does not look
// missing. Counts alone: that values are equal too is what `slipway bridge verify` says.

import type { BigQueryClients } from '../../../stack/google/bigquery.ts'
import type { Clock } from '../../../stack/base/clock.ts'
import { messageOf } from '../../../stack/base/errors.ts'
import { isoTime, minuteMs, secondMs } from '../../../stack/base/units.ts'
import { logName, tableNames } from '../../../stack/contract/tables.ts'
import type { TableName } from '../../../stack/contract/tables.ts'
import type { Cloud } from '../cloud.ts'
import { tablesOfHistory } from '../history-tables.ts'

export type Agreement =
  | 'equal'
  /** BigQuery has fewer rows, and none as new as history's newest: they are on their way. */
  | 'behind'
  | 'differs'

export interface TableAgreement {
  table: string
  history: number
  bigquery: number
  agreement: Agreement
}

export type Parity =
  | { is: 'off' }
  /** Nothing was compared yet. */
  | { is: 'checking' }
  /** One side does not answer; `of` says which. */
  | { is: 'away'; of: 'history' | 'bigquery'; detail: string; at: string }
  | { is: 'compared'; epoch: number; asOfSeq: number; at: string; tables: TableAgreement[] }

export interface ParityOptions {
  clock: Clock
  historyUrl: string
  cloud: Pick<Cloud, 'place' | 'bigQuery'>
}

/** How often a page that is open has it checked; at Google each check is billed for the numbers that it reads. */
const checkEveryMs = { emulator: 15 * secondMs, google: 10 * minuteMs, off: minuteMs } as const
/** What is on its way has so long to arrive. */
const arriveMs = 8 * secondMs
const lookMs = secondMs
const answerLimitMs = 10 * secondMs

interface Side {
  rows: number
  maxSeq: number
}

interface Listing {
  epoch: number
  asOfSeq: number
  sides: ReadonlyMap<TableName, Side>
}

export class ParityCheck {
  readonly #options: ParityOptions
  #last: Parity = { is: 'checking' }
  #checkedMs = -Infinity
  #checking: Promise<void> | undefined

  constructor(options: ParityOptions) {
    this.#options = options
  }

  /** What the last check found; the next one begins behind the caller's back when it is time. */
  answer(): Parity {
    const { clock, cloud } = this.#options
    const { mode } = cloud.place
    if (mode === 'off') return { is: 'off' }
    if (!this.#checking && clock.monotonicMs() - this.#checkedMs >= checkEveryMs[mode]) {
      this.#checking = this.#check().finally(() => {
        this.#checkedMs = clock.monotonicMs()
        this.#checking = undefined
      })
    }
    return this.#last
  }

  async #check(): Promise<void> {
    const { clock, historyUrl } = this.#options
    const away = (of: 'history' | 'bigquery', error: unknown) =>
      (this.#last = { is: 'away', of, detail: messageOf(error), at: isoTime(clock.now()) })
    let listing: Listing
    try {
      listing = await listingOf(historyUrl)
    } catch (error) {
      away('history', error)
      return
    }
    try {
      const compared = await this.#untilArrived(listing)
      const { epoch, asOfSeq } = listing
      const at = isoTime(clock.now())
      this.#last = { is: 'compared', epoch, asOfSeq, at, tables: compared }
    } catch (error) {
      away('bigquery', error)
    }
  }

  async #untilArrived(listing: Listing): Promise<TableAgreement[]> {
    const { clock, cloud } = this.#options
    const { place } = cloud
    if (place.mode === 'off') return []
    const untilMs = clock.monotonicMs() + arriveMs
    for (;;) {
      const client = await cloud.bigQuery()
      if (!client) return []
      const theirs = await sidesAt(client, place.dataset, listing)
      const compared = tableNames.map((name) => agreementOf(name, listing.sides, theirs))
      const isSettled = compared.every(({ agreement }) => agreement !== 'behind')
      // At Google another look is another bill.
      if (isSettled || place.mode === 'google' || clock.monotonicMs() > untilMs) return compared
      await clock.sleep(lookMs)
    }
  }
}

const nothing: Side = { rows: 0, maxSeq: 0 }

export function agreementOf(
  name: TableName,
  history: ReadonlyMap<TableName, Side>,
  bigquery: ReadonlyMap<TableName, Side>,
): TableAgreement {
  const ours = history.get(name) ?? nothing
  const theirs = bigquery.get(name) ?? nothing
  const counts = { table: logName(name), history: ours.rows, bigquery: theirs.rows }
  if (ours.rows === theirs.rows) return { ...counts, agreement: 'equal' }
  const isOnItsWay = theirs.rows < ours.rows && theirs.maxSeq < ours.maxSeq
  return { ...counts, agreement: isOnItsWay ? 'behind' : 'differs' }
}

/** One snapshot, so that its greatest `_seq` holds for all tables. */
async function listingOf(historyUrl: string): Promise<Listing> {
  const { epoch, of: sides } = await tablesOfHistory(historyUrl, answerLimitMs)
  const asOfSeq = Math.max(0, ...[...sides.values()].map(({ maxSeq }) => maxSeq))
  return { epoch, asOfSeq, sides }
}

async function sidesAt(
  client: BigQueryClients['client'],
  dataset: string,
  { epoch, asOfSeq }: Listing,
): Promise<Map<TableName, Side>> {
  const counts = tableNames.map(
    (name) =>
      `SELECT '${name}' AS name, COUNT(*) AS row_count, COALESCE(MAX(_seq), 0) AS max_seq
       FROM ${dataset}.${logName(name)} WHERE _epoch = ${epoch} AND _seq <= ${asOfSeq}`,
  )
  const [rows] = await client.query({ query: counts.join('\nUNION ALL\n') })
  return new Map(
    (rows as { name: TableName; row_count: number; max_seq: number }[]).map(
      ({ name, row_count, max_seq }) => [name, { rows: row_count, maxSeq: max_seq }],
    ),
  )
}
