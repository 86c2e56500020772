// One batch, one transaction: rows, what is derived from them, and how far each topic was read. After kill -9 at any
// moment the file holds whole batches, and reading goes on after the last of them. Whatever fails in here is fatal to
// the process: memory may be ahead of the file then, and only a new start puts them side by side again.
//
//   admit      outcomes of input positions that have none yet; copies of known events become duplicates (T4)
//   append     events, rejected events, versions of sessions and carts
//   derive     current tables, rollups, orders with their lines and refunds
//   positions  in the same transaction

import type { DuckDBConnection } from '@duckdb/node-api'
import type { Settings } from '#stack/contract/settings.ts'
import type { InputPosition, RejectedEvent } from '#stack/contract/events.ts'
import type { Batch, PendingEvent, PendingRejection, PendingVersion } from './batch.ts'
import { appendRows } from './columns.ts'
import type { Cell } from './columns.ts'
import { replaceCurrent } from './current.ts'
import type { Database } from './database.ts'
import type { InputLedger, PartitionOutcomes } from './input-ledger.ts'
import { ordersTouchedBy, refoldOrders } from './orders.ts'
import type { Position } from '#stack/kafka-client/records.ts'
import { savePositions } from './positions.ts'
import { updateRollups } from './rollups.ts'
import type { VersionedTable } from './rows/version-row.ts'
import { columnTypes } from './schema.ts'
import type { PaceSketch, SeenIds } from './sketches.ts'
import { numbers, textList } from './sql.ts'

export interface WriterState {
  epoch: number
  lastSeq: number
  /** Where reading goes on: the next offset of each topic and partition that was ever read. */
  positions: ReadonlyMap<string, Position>
  ledger: InputLedger
  /** The ledger as of the last transaction. */
  outcomes: readonly PartitionOutcomes[]
  seenIds: SeenIds
  pace: PaceSketch
}

/** Gives out `_seq` and the other columns that every row has last. */
export class Stamp {
  readonly epoch: number
  #seq: number

  constructor(epoch: number, lastSeq: number) {
    this.epoch = epoch
    this.#seq = lastSeq
  }

  get lastSeq(): number {
    return this.#seq
  }

  of({ topic, partition, offset }: InputPosition): Cell[] {
    return [++this.#seq, this.epoch, topic, partition, offset]
  }
}

export class HistoryWriter {
  readonly #database: Database
  readonly #settings: Settings
  readonly #state: WriterState

  constructor(database: Database, settings: Settings, state: WriterState) {
    this.#database = database
    this.#settings = settings
    this.#state = state
  }

  async commit(batch: Batch): Promise<void> {
    const { epoch, lastSeq, ledger } = this.#state
    const positions = new Map([...this.#state.positions, ...batch.positions])
    const stamp = new Stamp(epoch, lastSeq)
    await this.#database.write(async (connection) => {
      const fresh = this.#admitRejections(batch)
      const { events, copies } = await this.#admitEvents(connection, batch)
      this.#admitLoadEnds(batch)
      await this.#append(connection, batch, events, [...fresh, ...copies], stamp)
      await this.#derive(connection, batch, events, lastSeq, stamp)
      await savePositions(connection, {
        positions: positions.values(),
        ledger,
        lastSeq: stamp.lastSeq,
      })
    })
    this.#state.lastSeq = stamp.lastSeq
    this.#state.positions = positions
    this.#state.outcomes = this.#state.ledger.snapshot()
  }

  #admitRejections({ rejections }: Batch): PendingRejection[] {
    const { ledger } = this.#state
    return rejections.filter(({ rejected, at }) => {
      if (rejected.input === null) return true
      const kind = rejected.reason === 'duplicate' ? 'duplicate' : 'rejected'
      return ledger.take(at.partition, at.offset, kind)
    })
  }

  #admitLoadEnds({ loadEnds }: Batch): void {
    for (const { partition, offset } of loadEnds) {
      this.#state.ledger.take(partition, offset, 'loadEnd')
    }
  }

  /** T4: an id that history has is a copy, whoever sends it; its position counts as duplicate. */
  async #admitEvents(
    connection: DuckDBConnection,
    batch: Batch,
  ): Promise<{ events: PendingEvent[]; copies: PendingRejection[] }> {
    const { ledger, seenIds } = this.#state
    const arrived = batch.events.filter(({ input, isLate, ordered }) => {
      if (!ledger.take(input.partition, input.offset, 'enriched')) return false
      ledger.seen(input.partition, ordered.timeMs, isLate)
      return true
    })
    const suspects = new Set<PendingEvent>()
    for (const event of arrived) {
      if (seenIds.add(event.ordered.source, event.ordered.eventId)) suspects.add(event)
    }
    if (suspects.size === 0) return { events: arrived, copies: [] }
    const known = await knownEvents(connection, suspects)
    const events: PendingEvent[] = []
    const copies: PendingRejection[] = []
    for (const event of arrived) {
      const key = eventKey(event.ordered)
      const first = known.get(key)
      if (first === undefined) {
        known.set(key, event.input)
        events.push(event)
        continue
      }
      ledger.turnIntoDuplicate(event.input.partition)
      copies.push({ rejected: copyOf(event, first), at: event.input })
    }
    return { events, copies }
  }

  async #append(
    connection: DuckDBConnection,
    batch: Batch,
    events: readonly PendingEvent[],
    rejections: readonly PendingRejection[],
    stamp: Stamp,
  ): Promise<void> {
    // In place: ten thousand copies of sixty cells would be the collector's largest piece of work.
    for (const { cells, input } of events) cells.push(...stamp.of(input))
    const eventRows = events.map(({ cells }) => cells)
    await appendRows(connection, 'events_stored', eventTypes, eventRows)
    const priceRows = events.flatMap(({ listPrices }, i) =>
      listPrices === undefined ? [] : [[eventRows[i]?.at(-5) as Cell, JSON.stringify(listPrices)]],
    )
    await appendRows(connection, 'list_prices', ['integer', 'string'], priceRows)
    const rejectedRows = rejections.map(({ rejected, at }) => [
      ...rejectedCells(rejected),
      ...stamp.of(at),
    ])
    await appendRows(connection, 'rejected_events', rejectedTypes, rejectedRows)
    await this.#appendVersions(connection, 'sessions', batch.sessions, stamp)
    await this.#appendVersions(connection, 'carts', batch.carts, stamp)
    const verdictRows = batch.verdicts.map((verdict) => [
      verdict.abandonmentId,
      verdict.cartKey,
      verdict.revision,
      verdict.json,
      ...stamp.of(verdict.at),
    ])
    await appendRows(connection, 'verdicts', verdictTypes, verdictRows)
    const factRows = events.flatMap(({ money }) =>
      money === undefined ? [] : [[money.orderId, JSON.stringify(money)]],
    )
    await appendRows(connection, 'money_facts', ['string', 'string'], factRows)
    const loadEnds = batch.loadEnds.map(({ partition, offset }) => [partition, offset])
    await appendRows(connection, 'load_ends', ['integer', 'integer'], loadEnds)
  }

  /** A tombstone continues the revisions of its key. */
  async #appendVersions(
    connection: DuckDBConnection,
    table: VersionedTable,
    versions: readonly PendingVersion[],
    stamp: Stamp,
  ): Promise<void> {
    const key = table === 'sessions' ? 1 : 2
    const rows: Cell[][] = []
    for (const { version, at } of versions) {
      const revision =
        version.revision ?? (await nextRevision(connection, table, version.cells.slice(0, key)))
      rows.push([...version.cells, revision, version.isDeleted, ...stamp.of(at)])
    }
    await appendRows(connection, `${table}_log`, columnTypes(table, 'log'), rows)
  }

  async #derive(
    connection: DuckDBConnection,
    batch: Batch,
    events: readonly PendingEvent[],
    sinceSeq: number,
    stamp: Stamp,
  ): Promise<void> {
    const settings = this.#settings
    const touched = await ordersTouchedBy(connection, { batch, events, sinceSeq })
    if (batch.sessions.length > 0) await replaceCurrent(connection, 'sessions', sinceSeq)
    if (batch.carts.length > 0) await replaceCurrent(connection, 'carts', sinceSeq)
    await updateRollups(connection, { events, sinceSeq, settings, pace: this.#state.pace })
    await refoldOrders(connection, touched, { settings, stamp })
  }
}

const eventTypes = columnTypes('events', 'current')
const rejectedTypes = columnTypes('rejected_events', 'current')
const verdictTypes = ['string', 'string', 'integer', 'string', ...eventTypes.slice(-5)] as const

function eventKey({ source, eventId }: { source: string; eventId: string }): string {
  return `${source}\n${eventId}`
}

async function knownEvents(
  connection: DuckDBConnection,
  suspects: ReadonlySet<PendingEvent>,
): Promise<Map<string, InputPosition>> {
  const ids = [...suspects].map(({ ordered }) => ordered.eventId)
  const reader = await connection.runAndReadAll(
    `SELECT source, event_id, _kafka_topic, _kafka_partition, _kafka_offset
     FROM events_stored WHERE event_id IN (SELECT unnest($1))`,
    [textList(ids)],
  )
  return new Map(
    reader
      .getRows()
      .map(([source, eventId, topic, partition, offset]) => [
        eventKey({ source: source as string, eventId: eventId as string }),
        { topic: topic as string, partition: Number(partition), offset: Number(offset) },
      ]),
  )
}

function copyOf({ ordered, cells, input }: PendingEvent, first: InputPosition): RejectedEvent {
  const { eventId, source } = ordered
  return {
    stage: 'processor',
    reason: 'duplicate',
    field: 'eventId',
    message: `${eventId} of ${source} is at ${first.topic}-${first.partition}@${first.offset} already`,
    receivedAt: new Date(cells[6] as number).toISOString(),
    dialect: cells[8] as RejectedEvent['dialect'],
    source,
    body: null,
    input,
    first,
  }
}

function rejectedCells(rejected: RejectedEvent): Cell[] {
  const { stage, dialect, source, reason, field, message, body } = rejected
  return [Date.parse(rejected.receivedAt), stage, dialect, source, reason, field, message, body]
}

async function nextRevision(
  connection: DuckDBConnection,
  table: VersionedTable,
  key: readonly Cell[],
): Promise<number> {
  const where = table === 'sessions' ? 'session_key = $1' : 'cart_key = $1 AND episode = $2::BIGINT'
  const [row] = await numbers(
    connection,
    `SELECT coalesce(max(revision) + 1, 0) FROM ${table}_log WHERE ${where}`,
    key as (string | number)[],
  )
  return row?.[0] ?? 0
}
