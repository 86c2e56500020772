// Ad-hoc SQL, away from the history that is being written: a checkpointed copy of the file, opened read-only and locked
// by a child process with little memory, which is killed at the time limit. DuckDB itself has no privileges inside, so
// everything that reaches outside is switched off before the question is read.

import { spawn } from 'node:child_process'
import { constants, mkdirSync, rmSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '#stack/base/clock.ts'
import { OperatingError, UsageError } from '#stack/base/errors.ts'
import { secondMs } from '#stack/base/units.ts'
import type { History } from '../history-file.ts'
import type { SqlAnswer, SqlReply, SqlTask } from './sql-child.ts'
import { refusalOf } from './sql-rules.ts'

export interface SqlRequest {
  sql: string
  rowsMax: number
}

const timeLimitMs = 5 * secondMs
/** A copy that lags by less than this is good enough while history is being written. */
const copyAgeMsMax = 5 * secondMs
const questionsMax = 2

interface Copy {
  path: string
  seq: number
  takenMs: number
}

export class SqlSandbox {
  readonly #clock: Clock
  readonly #current: () => History
  #copy: Promise<Copy> | undefined
  #running = 0

  constructor(options: { clock: Clock; history: () => History }) {
    this.#clock = options.clock
    this.#current = options.history
  }

  async ask({ sql, rowsMax }: SqlRequest): Promise<SqlAnswer & { asOfSeq: number }> {
    const refusal = refusalOf(sql)
    if (refusal !== undefined) throw new UsageError(refusal)
    if (this.#running >= questionsMax) {
      throw new OperatingError('other questions are being answered', {
        retriable: true,
        hint: 'try again in a moment',
      })
    }
    this.#running++
    try {
      const { path, seq } = await this.#freshCopy()
      const reply = await this.#run({ path, sql, rowsMax })
      if ('error' in reply) throw new UsageError(reply.error)
      return { ...reply, asOfSeq: seq }
    } finally {
      this.#running--
    }
  }

  async close(): Promise<void> {
    const copy = await this.#copy?.catch(() => undefined)
    if (copy) removeCopy(copy.path)
  }

  async #freshCopy(): Promise<Copy> {
    const history = this.#current()
    const known = await this.#copy?.catch(() => undefined)
    const ageMs = this.#clock.monotonicMs() - (known?.takenMs ?? -Infinity)
    if (known && this.#isOf(history, known)) {
      if (known.seq === history.state.lastSeq || ageMs < copyAgeMsMax) return known
    }
    this.#copy = this.#take(history)
    return this.#copy
  }

  #isOf(history: History, copy: Copy): boolean {
    return copy.path.startsWith(history.database.path)
  }

  /** Nothing is written between the checkpoint and the end of the copy. */
  #take(history: History): Promise<Copy> {
    const path = `${history.database.path}.copy`
    return history.database.alone(async (connection) => {
      await connection.run('CHECKPOINT')
      const seq = history.state.lastSeq
      mkdirSync(dirname(path), { recursive: true })
      removeCopy(path)
      await copyFile(history.database.path, path, constants.COPYFILE_FICLONE)
      return { path, seq, takenMs: this.#clock.monotonicMs() }
    })
  }

  #run(task: SqlTask): Promise<SqlReply> {
    const child = spawn(
      process.execPath,
      ['--max-old-space-size=128', join(import.meta.dirname, 'sql-child.ts')],
      { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: {} },
    )
    return new Promise((resolve) => {
      const limit = this.#clock.after(timeLimitMs, () => {
        child.kill('SIGKILL')
        resolve({ error: `the question took longer than ${timeLimitMs / secondMs} s` })
      })
      child.once('message', (reply) => {
        limit.cancel()
        resolve(reply as SqlReply)
        child.kill('SIGKILL')
      })
      child.once('error', (error) => resolve({ error: error.message }))
      child.once('exit', () => {
        limit.cancel()
        resolve({ error: 'the question needed more memory than it may have' })
      })
      child.send(task)
    })
  }
}

function removeCopy(path: string): void {
  for (const suffix of ['', '.wal']) rmSync(path + suffix, { force: true })
}
