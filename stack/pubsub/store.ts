// What must outlive the process: topics, subscriptions, snapshots, messages, and what of them is settled. One SQLite
// file, or memory. Every write of one request is one transaction, in the file before the request is answered; a process
// that is killed loses nothing that it acknowledged. (A machine that loses power may: no write waits for the disk.)
//
// Of a subscription stands a floor, everything up to which is settled, and the few beyond it that are settled too.

import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { OperatingError } from '../base/errors.ts'
import type { StoredMessage } from './entry.ts'

/** What is appended to one topic. */
export interface Appended {
  topicId: number
  messages: readonly StoredMessage[]
}

/** Formats that an older file may have are told apart by this. */
const formatVersion = 1

const schema = `
  PRAGMA page_size = 8192;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -8000;
  CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS resources (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL UNIQUE, config TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS floors (subscription INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS settled (
    subscription INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (subscription, seq)) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS messages (
    topic INTEGER NOT NULL, seq INTEGER NOT NULL, publish_micros INTEGER NOT NULL,
    ordering_key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (topic, seq)) STRICT, WITHOUT ROWID;`

export type ResourceKind = 'topic' | 'subscription' | 'snapshot'

export interface Resource {
  id: number
  kind: ResourceKind
  name: string
  config: unknown
}

export interface Settlement {
  subscriptionId: number
  floorSeq: number
  /** New ones beyond the floor. */
  settledSeqs: readonly number[]
}

export class Store {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #lastSeq: number
  #lastMicros: number

  /** A path, or ':memory:'. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec(schema)
    this.#checkFormat(path)
    this.#lastSeq = this.#number('last_seq')
    this.#lastMicros = this.#number('last_micros')
  }

  /** Of the newest message of any topic. */
  get lastSeq(): number {
    return this.#lastSeq
  }

  resources(): Resource[] {
    return this.#all('SELECT id, kind, name, config FROM resources ORDER BY id').map((row) => ({
      id: row['id'] as number,
      kind: row['kind'] as ResourceKind,
      name: row['name'] as string,
      config: JSON.parse(row['config'] as string),
    }))
  }

  add(kind: ResourceKind, name: string, config: unknown): number {
    const { lastInsertRowid } = this.#run(
      'INSERT INTO resources (kind, name, config) VALUES (?, ?, ?)',
      kind,
      name,
      JSON.stringify(config),
    )
    return Number(lastInsertRowid)
  }

  change(id: number, config: unknown): void {
    this.#run('UPDATE resources SET config = ? WHERE id = ?', JSON.stringify(config), id)
  }

  /** With all that belongs to it. */
  remove(id: number): void {
    this.transaction(() => {
      this.#run('DELETE FROM resources WHERE id = ?', id)
      this.#run('DELETE FROM floors WHERE subscription = ?', id)
      this.#run('DELETE FROM settled WHERE subscription = ?', id)
    })
  }

  /** Numbers and times for messages that are about to be appended: the same for no two, growing by one. */
  reserve(count: number, nowMs: number): { firstSeq: number; firstMicros: number } {
    const firstSeq = this.#lastSeq + 1
    const firstMicros = Math.max(Math.round(nowMs * 1000), this.#lastMicros + 1)
    this.#lastSeq += count
    this.#lastMicros = firstMicros + count - 1
    return { firstSeq, firstMicros }
  }

  append(all: readonly Appended[]): void {
    this.transaction(() => {
      for (const { topicId, messages } of all) {
        for (const { seq, publishMicros, orderingKey, body } of messages) {
          this.#run(
            'INSERT INTO messages (topic, seq, publish_micros, ordering_key, body) VALUES (?, ?, ?, ?, ?)',
            topicId,
            seq,
            publishMicros,
            orderingKey,
            body,
          )
        }
      }
      this.#setNumber('last_seq', this.#lastSeq)
      this.#setNumber('last_micros', this.#lastMicros)
    })
  }

  messagesAfter(topicId: number, seq: number, limit: number): StoredMessage[] {
    const rows = this.#all(
      'SELECT seq, publish_micros, ordering_key, body FROM messages WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?',
      topicId,
      seq,
      limit,
    )
    return rows.map((row) => ({
      seq: row['seq'] as number,
      publishMicros: row['publish_micros'] as number,
      orderingKey: row['ordering_key'] as string,
      body: row['body'] as Uint8Array,
    }))
  }

  /** The last message published before a time; 0 where there is none. Numbers and times grow together. */
  seqBefore(topicId: number, micros: number): number {
    let before = 0
    let notBefore = this.#lastSeq + 1
    while (notBefore - before > 1) {
      const middle = Math.floor((before + notBefore) / 2)
      const [row] = this.#all(
        'SELECT seq, publish_micros FROM messages WHERE topic = ? AND seq >= ? ORDER BY seq LIMIT 1',
        topicId,
        middle,
      )
      if (!row || (row['publish_micros'] as number) >= micros) notBefore = middle
      else before = row['seq'] as number
    }
    return before
  }

  settle({ subscriptionId, floorSeq, settledSeqs }: Settlement): void {
    this.transaction(() => {
      for (const seq of settledSeqs) {
        this.#run('INSERT OR IGNORE INTO settled VALUES (?, ?)', subscriptionId, seq)
      }
      this.#run('INSERT OR REPLACE INTO floors VALUES (?, ?)', subscriptionId, floorSeq)
      this.#run('DELETE FROM settled WHERE subscription = ? AND seq <= ?', subscriptionId, floorSeq)
    })
  }

  /** As `settle`, but what was settled before counts no more. */
  resettle(settlement: Settlement): void {
    this.transaction(() => {
      this.#run('DELETE FROM settled WHERE subscription = ?', settlement.subscriptionId)
      this.settle(settlement)
    })
  }

  floorOf(subscriptionId: number): number {
    const [row] = this.#all('SELECT seq FROM floors WHERE subscription = ?', subscriptionId)
    return (row?.['seq'] as number | undefined) ?? 0
  }

  settledOf(subscriptionId: number): number[] {
    const rows = this.#all('SELECT seq FROM settled WHERE subscription = ?', subscriptionId)
    return rows.map((row) => row['seq'] as number)
  }

  /** Messages that nobody can ask for any more. */
  dropUpTo(topicId: number, seq: number): number {
    return Number(
      this.#run('DELETE FROM messages WHERE topic = ? AND seq <= ?', topicId, seq).changes,
    )
  }

  messageCount(topicId: number): number {
    const [row] = this.#all('SELECT count(*) AS count FROM messages WHERE topic = ?', topicId)
    return row?.['count'] as number
  }

  #depth = 0

  /** All of it or nothing; within another it is part of that. */
  transaction(write: () => void): void {
    if (this.#depth > 0) return write()
    this.#database.exec('BEGIN IMMEDIATE')
    this.#depth++
    try {
      write()
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    } finally {
      this.#depth--
    }
  }

  close(): void {
    this.#database.close()
  }

  #checkFormat(path: string): void {
    const found = this.#number('format') || formatVersion
    this.#setNumber('format', found)
    if (found === formatVersion) return
    throw new OperatingError(`this file is of format ${found}, not ${formatVersion}`, {
      where: path,
      hint: 'start with another --data folder, or with the version that wrote it',
    })
  }

  #number(name: string): number {
    const [row] = this.#all('SELECT value FROM numbers WHERE name = ?', name)
    return (row?.['value'] as number | undefined) ?? 0
  }

  #setNumber(name: string, value: number): void {
    this.#run(
      'INSERT INTO numbers VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      name,
      value,
    )
  }

  #all(sql: string, ...values: Value[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values)
  }

  #run(sql: string, ...values: Value[]): ReturnType<StatementSync['run']> {
    return this.#statement(sql).run(...values)
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) this.#statements.set(sql, (statement = this.#database.prepare(sql)))
    return statement
  }
}

type Value = number | string | Uint8Array
