// One history: a DuckDB file, what it was read back into memory, and its writer. Which file in the data directory is
// the current one says the small file `current`; a rebuild writes beside it and then points it to the new one.
//
//   <data>/current                 {"file":"history-1764000000.duckdb","epoch":1764000000}
//   <data>/history-<epoch>.duckdb
//   <data>/damaged/                files that could not be opened, kept for whoever wants to look

import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBConnection } from '@duckdb/node-api'
import { messageOf, OperatingError } from '#stack/base/errors.ts'
import { writeFileAtomic } from '#stack/base/files.ts'
import type { Logger } from '#stack/base/logger.ts'
import { minuteMs } from '#stack/base/units.ts'
import { duckdb } from '#stack/contract/metrics/dialect.ts'
import { countsForPace } from '#stack/contract/metrics/relations.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { partitionName } from '#stack/kafka-client/records.ts'
import type { Batch } from './batch.ts'
import { Database } from './database.ts'
import type { DatabaseLimits } from './database.ts'
import { newestOfSlowestMs } from './input-ledger.ts'
import { readProgress } from './positions.ts'
import { readRollups } from './rollups.ts'
import { schemaPrint, tableStatements, viewStatements } from './schema.ts'
import { PaceSketch, SeenIds } from './sketches.ts'
import { numbers, plainRows } from './sql.ts'
import { HistoryWriter } from './writer.ts'
import type { BrokenRecord, Memories, WriterState } from './writer.ts'

export interface HistoryOptions {
  settings: Settings
  limits: DatabaseLimits
}

export interface History {
  epoch: number
  database: Database
  settings: Settings
  state: WriterState
  /** Read after the file is open: it answers meanwhile, and commits wait. */
  memories: Promise<Memories>
  commit(batch: Batch): Promise<BrokenRecord[]>
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
      const print = schemaPrint(settings)
      await checkPrint(connection, print)
      for (const statement of [...tableStatements(), ...viewStatements(settings)]) {
        await connection.run(statement)
      }
      return restore(connection, { newEpoch: epoch, print })
    })
    const memories = readMemories(database, state, settings)
    const writer = memories.then(
      (held) => new HistoryWriter(database, settings, { state, memories: held }),
    )
    // Where they cannot be read the first commit says so.
    writer.catch(() => {})
    return {
      epoch: state.epoch,
      database,
      settings,
      state,
      memories,
      commit: async (batch) => (await writer).commit(batch),
      async close() {
        await memories.catch(() => {})
        await database.close()
      },
    }
  } catch (error) {
    await database.close().catch(() => {})
    throw error
  }
}

/** The file was written by another version, or under other rules. */
class OutdatedError extends Error {
  override name = 'OutdatedError'
}

async function checkPrint(connection: DuckDBConnection, print: string): Promise<void> {
  const [table] = await numbers(
    connection,
    "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'history'",
  )
  if (table?.[0] === 0) return
  const rows = await plainRows(connection, 'SELECT * FROM history')
  if (rows.some((row) => !row.includes(print)))
    throw new OutdatedError('written by another version')
}

async function restore(
  connection: DuckDBConnection,
  { newEpoch, print }: { newEpoch: number; print: string },
): Promise<WriterState> {
  const [known] = await numbers(connection, 'SELECT epoch, last_seq FROM history')
  const [epoch, lastSeq] = known ?? [newEpoch, 0]
  if (!known) await connection.run(`INSERT INTO history VALUES (${newEpoch}, '${print}', 0, NULL)`)
  const { positions, ledger } = await readProgress(connection)
  const [refused] = await numbers(
    connection,
    "SELECT count(*) FROM rejected_events WHERE stage = 'collector'",
  )
  return {
    epoch: epoch as number,
    lastSeq: lastSeq as number,
    positions: new Map(positions.map((at) => [partitionName(at), at])),
    ledger,
    outcomes: ledger.snapshot(),
    refusedByCollector: refused?.[0] ?? 0,
  }
}

async function readMemories(
  database: Database,
  { lastSeq, outcomes }: WriterState,
  settings: Settings,
): Promise<Memories> {
  const { connection, close } = await database.session()
  try {
    return {
      seenIds: await readSeenIds(connection, lastSeq),
      pace: await readPace(connection, newestOfSlowestMs(outcomes), settings),
      rollups: await readRollups(connection),
    }
  } finally {
    close()
  }
}

/** Lists as JSON: to read hundreds of thousands of texts one by one would take a start of the stack seconds. */
async function readSeenIds(connection: DuckDBConnection, lastSeq: number): Promise<SeenIds> {
  const seen = new SeenIds()
  for (let from = 0; from < lastSeq; from += seqsAtOnce) {
    const lists = await plainRows(
      connection,
      `SELECT source, to_json(list(event_id))::VARCHAR FROM events_stored
       WHERE _seq > ${from} AND _seq <= ${from + seqsAtOnce} GROUP BY source`,
    )
    for (const [source, ids] of lists as [string, string][]) {
      for (const id of JSON.parse(ids) as string[]) seen.add(source, id)
    }
  }
  return seen
}

const seqsAtOnce = 50_000

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

/** What DuckDB says of a file that is broken, rather than of its surroundings. */
export function isDamage(error: unknown): boolean {
  return /corrupt|checksum|not a valid DuckDB|could not read enough bytes|deserializ/i.test(
    messageOf(error),
  )
}

function isSurroundings(error: unknown): boolean {
  return /could not set lock|permission denied|no space left|too many open files/i.test(
    messageOf(error),
  )
}

interface Pointer {
  file: string
  epoch: number
  /** Found damaged while it was in use; the next start sets it aside. */
  isDamaged?: true
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
  async open(options: HistoryOptions): Promise<History & { isReadAgain: boolean }> {
    const pointer = this.#read()
    this.#removeStrays(pointer?.file)
    const known = pointer && (await this.#openKnown(pointer, options))
    if (known) return { ...known, isReadAgain: false }
    const next = this.next()
    const history = await openHistory(this.pathOf(next), next.epoch, options)
    this.pointTo(next)
    return { ...history, isReadAgain: pointer !== undefined }
  }

  async #openKnown(pointer: Pointer, options: HistoryOptions): Promise<History | undefined> {
    try {
      if (pointer.isDamaged) throw new Error('a block could not be read')
      return await openHistory(this.pathOf(pointer), pointer.epoch, options)
    } catch (error) {
      if (isSurroundings(error)) {
        throw new OperatingError(`the history file cannot be opened: ${messageOf(error)}`, {
          where: this.pathOf(pointer),
          hint: 'is there room on the disk, and does no other process hold the file?',
          cause: error,
        })
      }
      if (error instanceof OutdatedError) {
        this.#logger.info('history was written by another version, and is read again')
        this.remove(this.pathOf(pointer))
      } else this.#setAside(pointer, error)
      return undefined
    }
  }

  /** The file in use holds something that cannot be read: the next start must not go on with it. */
  condemn(): void {
    const pointer = this.#read()
    if (pointer) this.pointTo({ ...pointer, isDamaged: true })
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
