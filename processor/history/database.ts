// The DuckDB file and its one owner. Limits are always given: DuckDB takes 80 % of memory and every core unless told.
// Writes go through one connection, one at a time; questions through a few others, which see what was committed.
//
// A checkpoint inside a commit would make that commit wait for a second, so DuckDB's own threshold is put out of
// reach and history checkpoints between commits: when it is quiet, and before the WAL is too long to replay quickly.

import { statSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection, DuckDBValue, Json } from '@duckdb/node-api'
import { messageOf, OperatingError } from '#stack/base/errors.ts'

export interface DatabaseLimits {
  memoryMb: number
  threads: number
  /** A WAL of this size is folded into the file after the commit that made it so long; half a second to replay. */
  walMbMax: number
}

export const defaultLimits: DatabaseLimits = { memoryMb: 144, threads: 1, walMbMax: 48 }

/** Questions at the same time; further ones wait. Each may take a quarter of the memory, and the writer needs the rest. */
const readersMax = 2
/** Answers that are handed out piece by piece at the same time; further ones are refused. */
const sessionsMax = 8

export type Parameters = DuckDBValue[] | Record<string, DuckDBValue>
export type JsonRow = Record<string, Json>

export class Database {
  readonly path: string
  readonly #instance: DuckDBInstance
  readonly #writer: DuckDBConnection
  readonly #limits: DatabaseLimits
  readonly #idle: DuckDBConnection[] = []
  readonly #waiting: ((connection: DuckDBConnection) => void)[] = []
  #readers = 0
  #sessions = 0
  #writing: Promise<unknown> = Promise.resolve()

  private constructor(
    path: string,
    instance: DuckDBInstance,
    writer: DuckDBConnection,
    limits: DatabaseLimits,
  ) {
    this.path = path
    this.#instance = instance
    this.#writer = writer
    this.#limits = limits
  }

  /** `:memory:` for tests. Replays the WAL of a process that was killed, and folds it in. */
  static async open(path: string, limits: DatabaseLimits): Promise<Database> {
    const instance = await DuckDBInstance.create(path, {
      memory_limit: `${limits.memoryMb}MB`,
      threads: String(limits.threads),
      // Every column of every table keeps a block open: at the default of 256 KiB that is 100 MB for these tables.
      default_block_size: '32768',
      checkpoint_threshold: `${limits.walMbMax * 8}MB`,
      preserve_insertion_order: 'true',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    const writer = await instance.connect()
    const database = new Database(path, instance, writer, limits)
    if (database.walBytes() > 0) await writer.run('CHECKPOINT')
    return database
  }

  /** Runs alone among the writes, in one transaction; whatever it throws leaves no trace. */
  write<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.alone(async (connection) => {
      await connection.run('BEGIN TRANSACTION')
      try {
        const result = await work(connection)
        await connection.run('COMMIT')
        return result
      } catch (error) {
        await connection.run('ROLLBACK').catch(() => {})
        throw error
      }
    })
  }

  /** Runs while nothing is written, outside a transaction. */
  alone<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const done = this.#writing.then(() => work(this.#writer))
    this.#writing = done.catch(() => {})
    return done
  }

  /** Waits for a free reader; hands it back when the work is done. */
  async read<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.#acquire()
    try {
      return await work(connection)
    } finally {
      const next = this.#waiting.shift()
      if (next) next(connection)
      else this.#idle.push(connection)
    }
  }

  /** Rows as JSON values: BIGINT as text, so read numbers through `Number`. */
  rows(sql: string, parameters?: Parameters): Promise<JsonRow[]> {
    return this.read(async (connection) => {
      const reader = await connection.runAndReadAll(sql, parameters)
      return reader.getRowObjectsJson()
    })
  }

  /** A connection of one's own for an answer that takes as long as its reader does. */
  async session(): Promise<{ connection: DuckDBConnection; close(): void }> {
    if (this.#sessions >= sessionsMax) {
      throw new OperatingError('too many answers are being handed out', {
        retriable: true,
        hint: 'try again in a moment',
      })
    }
    this.#sessions++
    const connection = await this.#instance.connect()
    let isOpen = true
    const close = () => {
      if (!isOpen) return
      isOpen = false
      this.#sessions--
      connection.closeSync()
    }
    return { connection, close }
  }

  walBytes(): number {
    return sizeOf(`${this.path}.wal`)
  }

  fileBytes(): number {
    return sizeOf(this.path)
  }

  isWalLong(): boolean {
    return this.walBytes() > this.#limits.walMbMax * 1024 * 1024
  }

  /** Refused while another connection writes, be it a table of its own for an answer: then the next one does it. */
  checkpoint(): Promise<void> {
    return this.alone(async (connection) => {
      try {
        await connection.run('CHECKPOINT')
      } catch (error) {
        if (!messageOf(error).includes('other write transactions active')) throw error
      }
    })
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#writer.run('CHECKPOINT').catch(() => {})
    for (const connection of [this.#writer, ...this.#idle]) connection.closeSync()
    this.#instance.closeSync()
  }

  async #acquire(): Promise<DuckDBConnection> {
    const idle = this.#idle.pop()
    if (idle) return idle
    if (this.#readers < readersMax) {
      this.#readers++
      return this.#instance.connect()
    }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}

/** A question found no room; whoever asks again may. */
export function isOutOfMemory(error: unknown): boolean {
  return messageOf(error).includes('Out of Memory Error')
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
