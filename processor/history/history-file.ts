// One history: a DuckDB file, what it was read back into memory, and its writer. Which file in the data directory is
// the current one says the small file `current`; a rebuild writes beside it and then points it to the new one.
//
//   <data>/current                 {"file":"history-1764000000.duckdb","epoch":1764000000}
//   <data>/history-<epoch>.duckdb
//   <data>/damaged/                files that could not be opened, kept for whoever wants to look

import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { messageOf } from '#stack/base/errors.ts'
import { writeFileAtomic } from '#stack/base/files.ts'
import type { Logger } from '#stack/base/logger.ts'
import { minuteMs } from '#stack/base/units.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { countsForPace } from '#stack/contract/metrics/relations.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import { Batch } from './batch.ts'
import { Database } from './database.ts'
import type { DatabaseLimits } from './database.ts'
import { newestOfSlowestMs } from './input-ledger.ts'
import { readLedger, readPositions } from './positions.ts'
import { schemaStatements, schemaVersion } from './schema.ts'
import { PaceSketch, SeenIds } from './sketches.ts'
import { numbers } from './sql.ts'
import { HistoryWriter } from './writer.ts'
import type { WriterState } from './writer.ts'

export interface HistoryOptions {
  settings: Settings
  limits: DatabaseLimits
}

export interface History {
  epoch: number
  database: Database
  settings: Settings
  state: WriterState
  commit(batch: Batch): Promise<void>
  close(): Promise<void>
}

/** Opens or creates one file; `epoch` counts only for a new one. */
export async function openHistory(
  path: string,
  epoch: number,
  { settings, limits }: HistoryOptions,
): Promise<History> {
  const database = await Database.open(path, limits)
  try {
    const state = await database.alone(async (connection) => {
      for (const statement of schemaStatements(settings)) await connection.run(statement)
      return restore(connection, epoch, settings)
    })
    const writer = new HistoryWriter(database, settings, state)
    return {
      epoch: state.epoch,
      database,
      settings,
      state,
      commit: (batch) => writer.commit(batch),
      close: () => database.close(),
    }
  } catch (error) {
    await database.close().catch(() => {})
    throw error
  }
}

async function restore(
  connection: DuckDBConnection,
  newEpoch: number,
  settings: Settings,
): Promise<WriterState> {
  const [known] = await numbers(connection, 'SELECT epoch, last_seq FROM history')
  const [epoch, lastSeq] = known ?? [newEpoch, 0]
  if (!known) {
    await connection.run(`INSERT INTO history VALUES (${newEpoch}, ${schemaVersion}, 0, $1)`, [
      JSON.stringify(settings),
    ])
  }
  const ledger = await readLedger(connection)
  const positions = await readPositions(connection)
  return {
    epoch: epoch as number,
    lastSeq: lastSeq as number,
    positions: new Map(positions.map((at) => [partitionName(at), at])),
    ledger,
    outcomes: ledger.snapshot(),
    seenIds: await readSeenIds(connection),
    pace: await readPace(connection, newestOfSlowestMs(ledger.snapshot()), settings),
  }
}

async function readSeenIds(connection: DuckDBConnection): Promise<SeenIds> {
  const seen = new SeenIds()
  const result = await connection.stream('SELECT source, event_id FROM events_stored')
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    const sources = chunk.getColumnValues(0) as string[]
    const ids = chunk.getColumnValues(1) as string[]
    for (let i = 0; i < ids.length; i++) seen.add(sources[i] as string, ids[i] as string)
  }
  return seen
}

/** Minutes that an accepted event may still fall into: those of the slowest partition, less L. */
async function readPace(
  connection: DuckDBConnection,
  minEventMs: number | null,
  settings: Settings,
): Promise<PaceSketch> {
  const pace = new PaceSketch()
  if (minEventMs === null) return pace
  const since = duckdb.timestamp(minEventMs - settings.allowedLatenessMs - minuteMs)
  const result = await connection.stream(
    `SELECT coalesce('a:' || e.anonymous_id, 'u:' || e.user_id), epoch_ms(e.event_time) // ${minuteMs}
     FROM events_stored AS e WHERE e.event_time >= ${since} AND ${countsForPace('e', { dialect: duckdb, settings })}`,
  )
  for (let chunk = await result.fetchChunk(); chunk?.rowCount; chunk = await result.fetchChunk()) {
    const visitors = chunk.getColumnValues(0) as string[]
    const minutes = chunk.getColumnValues(1) as bigint[]
    for (let i = 0; i < visitors.length; i++) {
      pace.count(visitors[i] as string, Number(minutes[i]))
    }
  }
  return pace
}

interface Pointer {
  file: string
  epoch: number
}

/** The data directory: which history is current, and where the next one goes. */
export class HistoryDirectory {
  readonly #dir: string
  readonly #logger: Logger
  readonly #nowMs: () => number

  constructor(dir: string, { logger, nowMs }: { logger: Logger; nowMs: () => number }) {
    this.#dir = dir
    this.#logger = logger
    this.#nowMs = nowMs
    mkdirSync(dir, { recursive: true })
  }

  /** The current history; a new one where there is none, or where the file is damaged. */
  async open(options: HistoryOptions): Promise<History & { wasDamaged: boolean }> {
    const pointer = this.#read()
    this.#removeStrays(pointer?.file)
    if (pointer) {
      try {
        const history = await openHistory(this.pathOf(pointer), pointer.epoch, options)
        return { ...history, wasDamaged: false }
      } catch (error) {
        this.#setAside(pointer, error)
      }
    }
    const next = this.next()
    const history = await openHistory(this.pathOf(next), next.epoch, options)
    this.pointTo(next)
    return { ...history, wasDamaged: pointer !== undefined }
  }

  /** A history of its own beside the current one. Epochs grow, also after the directory was deleted. */
  next(): Pointer {
    const epoch = Math.max((this.#read()?.epoch ?? 0) + 1, Math.floor(this.#nowMs() / 1000))
    return { file: `history-${epoch}.duckdb`, epoch }
  }

  pathOf({ file }: Pointer): string {
    return join(this.#dir, file)
  }

  pointTo(pointer: Pointer): void {
    writeFileAtomic(join(this.#dir, 'current'), `${JSON.stringify(pointer)}\n`)
  }

  remove(path: string): void {
    for (const suffix of ['', '.wal']) rmSync(path + suffix, { force: true })
  }

  #read(): Pointer | undefined {
    try {
      return JSON.parse(readFileSync(join(this.#dir, 'current'), 'utf8')) as Pointer
    } catch {
      return undefined
    }
  }

  #setAside(pointer: Pointer, error: unknown): void {
    const damaged = join(this.#dir, 'damaged')
    mkdirSync(damaged, { recursive: true })
    for (const suffix of ['', '.wal']) {
      try {
        renameSync(this.pathOf(pointer) + suffix, join(damaged, pointer.file + suffix))
      } catch {
        // There may be no WAL, or no file at all.
      }
    }
    this.#logger.error('the history file is damaged; it is kept, and history is read again', {
      file: join(damaged, pointer.file),
      error: messageOf(error),
    })
  }

  /** Files of a rebuild that did not come to its end. */
  #removeStrays(current: string | undefined): void {
    for (const name of readdirSync(this.#dir)) {
      if (!/^history-\d+\.duckdb(\.wal)?$/.test(name)) continue
      if (current === undefined || !name.startsWith(current)) {
        rmSync(join(this.#dir, name), { force: true })
      }
    }
  }
}
