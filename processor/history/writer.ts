// One batch, one transaction: rows, what is derived from them, and how far each topic was read. After kill -9 at any
// moment the file holds whole batches, and reading goes on after the last of them. Whatever fails in here is fatal to
// the process: memory may be ahead of the file then, and only a new start puts them side by side again.
//
//   admit      outcomes of input positions that have none yet; copies of known events become duplicates (T4)
//   append     events, rejected events, versions of sessions and carts
//   derive     current tables, rollups, orders with their lines and refunds
//   positions  in the same transaction

import { setImmediate as otherWork } from 'node:timers/promises'
import type { DuckDBConnection } from '@duckdb/node-api'
import type { Settings } from '#stack/contract/settings.ts'
import type { EnrichedEvent, InputPosition, RejectedEvent } from '#stack/contract/events.ts'
import { topics } from '#stack/contract/topics.ts'
import type { Position } from '#stack/kafka-client/records.ts'
import { decoders } from './batch.ts'
import type { Batch, BatchRecord, Decoded, PendingRejection } from './batch.ts'
import { appendRows, RowAppender } from './columns.ts'
import type { Cell, Cells } from './columns.ts'
import { replaceCurrent } from './current.ts'
import type { Database } from './database.ts'
import type { InputLedger, PartitionOutcomes } from './input-ledger.ts'
import { News } from './news.ts'
import { ordersTouchedBy, refoldOrders } from './orders.ts'
import { saveProgress } from './positions.ts'
import { updateRollups } from './rollups.ts'
import type { RollupState } from './rollups.ts'
import { reading } from './rows/event-reading.ts'
import { EventRows } from './rows/event-rows.ts'
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
  /** Rejected events of the stage `collector`. */
  refusedByCollector: number
}

/** What was here before, so that hardly a row has to be looked up. */
export interface Memories {
  seenIds: SeenIds
  pace: PaceSketch
  rollups: RollupState
}

/** A record that is no JSON: it is left out, and nothing else is held up by it. */
export interface BrokenRecord {
  at: InputPosition
  error: unknown
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

  next(): number {
    return ++this.#seq
  }

  of({ topic, partition, offset }: InputPosition): Cell[] {
    return [this.next(), this.epoch, topic, partition, offset]
  }
}

export class HistoryWriter {
  readonly #database: Database
  readonly #settings: Settings
  readonly #state: WriterState
  readonly #memories: Memories
  readonly #events: EventRows

  constructor(
    database: Database,
    settings: Settings,
    { state, memories }: { state: WriterState; memories: Memories },
  ) {
    this.#database = database
    this.#settings = settings
    this.#state = state
    this.#memories = memories
    this.#events = new EventRows(state.epoch)
  }

  /** Answers what could not be read. */
  async commit(batch: Batch): Promise<BrokenRecord[]> {
    const { epoch, lastSeq, ledger } = this.#state
    const positions = new Map([...this.#state.positions, ...batch.positions])
    const stamp = new Stamp(epoch, lastSeq)
    const reader = new Reader(batch)
    const rejected = await this.#database.write(async (connection) => {
      const news = new News(this.#settings, this.#memories.pace)
      const refused = this.#admitRejections(reader)
      const copies = await this.#writeEvents(connection, reader, { stamp, news })
      const rejections = [...refused, ...copies]
      this.#admitLoadEnds(reader)
      const logs = await this.#append(connection, reader, { rejections, news, stamp })
      await this.#derive(connection, { ...logs, news, sinceSeq: lastSeq }, stamp)
      const inputs = ledger.snapshot()
      const { lastSeq: newSeq } = stamp
      await saveProgress(connection, {
        positions: [...positions.values()],
        inputs,
        lastSeq: newSeq,
      })
      return rejections
    })
    this.#state.lastSeq = stamp.lastSeq
    this.#state.positions = positions
    this.#state.outcomes = ledger.snapshot()
    this.#state.refusedByCollector += countOfCollector(rejected)
    return reader.broken
  }

  #admitRejections(reader: Reader): PendingRejection[] {
    const { ledger } = this.#state
    return reader.all('rejections').filter(({ rejected, at }) => {
      if (rejected.input === null) return true
      const kind = rejected.reason === 'duplicate' ? 'duplicate' : 'rejected'
      return ledger.take(at.partition, at.offset, kind)
    })
  }

  #admitLoadEnds(reader: Reader): void {
    for (const { partition, offset } of reader.all('loadEnds')) {
      this.#state.ledger.take(partition, offset, 'loadEnd')
    }
  }

  /** A piece at a time; others get the thread in between. Answers the copies. */
  async #writeEvents(
    connection: DuckDBConnection,
    reader: Reader,
    { stamp, news }: { stamp: Stamp; news: News },
  ): Promise<PendingRejection[]> {
    const copies: PendingRejection[] = []
    const records = reader.events()
    if (records.length === 0) return copies
    const appender = await RowAppender.open(connection, 'events_stored', this.#events.rows)
    const write = () => {
      const seq = stamp.next()
      this.#events.add(seq)
      news.add(reading, seq)
      appender.next()
    }
    try {
      for (let from = 0; from < records.length; from += pieceRecords) {
        const suspects = this.#writeNew(records.slice(from, from + pieceRecords), reader, write)
        if (suspects.length > 0) {
          appender.flush()
          copies.push(...(await this.#writeUnknown(connection, suspects, write)))
        }
        await otherWork()
      }
      appender.flush()
    } finally {
      appender.close()
    }
    return copies
  }

  /** Admits each, and writes those whose id was surely never here; answers the others. */
  #writeNew(records: readonly BatchRecord[], reader: Reader, write: () => void): BatchRecord[] {
    const { ledger } = this.#state
    const { seenIds } = this.#memories
    return records.filter((each) => {
      if (!reader.readEvent(each)) return false
      const { partition, offset, timeMs, flags } = reading
      if (!ledger.take(partition, offset, 'enriched')) return false
      ledger.seen(partition, timeMs, flags.isLate || flags.isTooLate)
      if (seenIds.add(reading.source, reading.eventId)) return true
      write()
      return false
    })
  }

  /** T4: an id that is there makes a copy a duplicate, whoever sends it. Answers the copies. */
  async #writeUnknown(
    connection: DuckDBConnection,
    suspects: readonly BatchRecord[],
    write: () => void,
  ): Promise<PendingRejection[]> {
    const copies: PendingRejection[] = []
    const ids = suspects.map(({ record }) => {
      reading.read(record.value as Buffer)
      return reading.eventId
    })
    const known = await positionsOf(connection, ids)
    for (const { record } of suspects) {
      reading.read(record.value as Buffer)
      const first = known.get(eventKey(reading))
      if (first === undefined) {
        known.set(eventKey(reading), reading.input)
        write()
        continue
      }
      const event = reading.event()
      this.#state.ledger.turnIntoDuplicate(event.input.partition)
      copies.push({ rejected: copyOf(event, first), at: event.input })
    }
    return copies
  }

  async #append(
    connection: DuckDBConnection,
    reader: Reader,
    { rejections, news, stamp }: { rejections: PendingRejection[]; news: News; stamp: Stamp },
  ): Promise<Record<VersionedTable, Cells[]>> {
    await appendRows(connection, 'list_prices', ['integer', 'string'], news.listPrices)
    const rejectedRows = rejections.map(({ rejected, at }) => [
      ...rejectedCells(rejected),
      ...stamp.of(at),
    ])
    await appendRows(connection, 'rejected_events', rejectedTypes, rejectedRows)
    const sessions = await this.#appendVersions(connection, 'sessions', reader, stamp)
    const carts = await this.#appendVersions(connection, 'carts', reader, stamp)
    const verdictRows = reader
      .all('verdicts')
      .map(({ abandonmentId, cartKey, revision, json, at }) => [
        abandonmentId,
        cartKey,
        revision,
        json,
        ...stamp.of(at),
      ])
    await appendRows(connection, 'verdicts', verdictTypes, verdictRows)
    const errorRows = reader.all('bridgeErrors').map(({ cells, at }) => [...cells, ...stamp.of(at)])
    await appendRows(connection, 'bridge_errors', bridgeErrorTypes, errorRows)
    await appendRows(connection, 'money_facts', ['string', 'string'], news.money)
    const loadEnds = reader.all('loadEnds').map(({ partition, offset }) => [partition, offset])
    await appendRows(connection, 'load_ends', ['integer', 'integer'], loadEnds)
    return { sessions, carts }
  }

  /** A tombstone continues the revisions of its key. */
  async #appendVersions(
    connection: DuckDBConnection,
    table: VersionedTable,
    reader: Reader,
    stamp: Stamp,
  ): Promise<Cells[]> {
    const key = table === 'sessions' ? 1 : 2
    const rows: Cells[] = []
    for (const { version, at } of reader.all(table)) {
      const revision =
        version.revision ?? (await nextRevision(connection, table, version.cells.slice(0, key)))
      rows.push([...version.cells, revision, version.isDeleted, ...stamp.of(at)])
    }
    await appendRows(connection, `${table}_log`, columnTypes(table, 'log'), rows)
    return rows
  }

  async #derive(
    connection: DuckDBConnection,
    fresh: { news: News; sinceSeq: number; sessions: Cells[]; carts: Cells[] },
    stamp: Stamp,
  ): Promise<void> {
    const settings = this.#settings
    const touched = await ordersTouchedBy(connection, fresh)
    await replaceCurrent(connection, 'sessions', fresh.sessions)
    await replaceCurrent(connection, 'carts', fresh.carts)
    await updateRollups(connection, fresh.news, { settings, state: this.#memories.rollups })
    await refoldOrders(connection, touched, { settings, stamp })
  }
}

/** Events that are written in one go. */
const pieceRecords = 256

/** The records of a batch, decoded as they are asked for. */
class Reader {
  readonly broken: BrokenRecord[] = []
  readonly #batch: Batch

  constructor(batch: Batch) {
    this.#batch = batch
  }

  events(): readonly BatchRecord[] {
    return this.#batch.of(topics.enriched.name)
  }

  /** Answers whether it is an event, which `reading` then has. */
  readEvent({ partition, record: { value, offset } }: BatchRecord): boolean {
    if (value === null) return false
    try {
      reading.read(value)
      return true
    } catch (error) {
      this.broken.push({ at: { topic: topics.enriched.name, partition, offset }, error })
      return false
    }
  }

  all<K extends keyof Decoded>(kind: K): Decoded[K][] {
    return this.#decode(kind, this.#batch.of(decoders[kind].topic))
  }

  #decode<K extends keyof Decoded>(kind: K, records: readonly BatchRecord[]): Decoded[K][] {
    const { topic, decode } = decoders[kind]
    const decoded: Decoded[K][] = []
    for (const { partition, record } of records) {
      const at = { topic, partition, offset: record.offset }
      try {
        const value = decode(record, at)
        if (value !== undefined) decoded.push(value)
      } catch (error) {
        this.broken.push({ at, error })
      }
    }
    return decoded
  }
}

function countOfCollector(rejections: readonly PendingRejection[]): number {
  return rejections.filter(({ rejected }) => rejected.stage === 'collector').length
}

const rejectedTypes = columnTypes('rejected_events', 'current')
const bridgeErrorTypes = columnTypes('bridge_errors', 'current')
const verdictTypes = ['string', 'string', 'integer', 'string', ...rejectedTypes.slice(-5)] as const

function eventKey({ source, eventId }: { source: string; eventId: string }): string {
  return `${source}\n${eventId}`
}

async function positionsOf(
  connection: DuckDBConnection,
  eventIds: readonly string[],
): Promise<Map<string, InputPosition>> {
  const reader = await connection.runAndReadAll(
    `SELECT source, event_id, _kafka_topic, _kafka_partition, _kafka_offset
     FROM events_stored WHERE event_id IN (SELECT unnest($1))`,
    [textList(eventIds)],
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

function copyOf(event: EnrichedEvent, first: InputPosition): RejectedEvent {
  const { eventId, source, receivedAt, dialect, input } = event
  return {
    stage: 'processor',
    reason: 'duplicate',
    field: 'eventId',
    message: `${eventId} of ${source} is at ${first.topic}-${first.partition}@${first.offset} already`,
    receivedAt: new Date(Date.parse(receivedAt)).toISOString(),
    dialect,
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
