// What lane B must not forget: facts about each table, a line of JSON each, in one file that only grows and is written anew,
// short, at every start and when it is long. A fact that something is about to be done is synced before it is done. A line
// that a crash cut off was not synced, so nothing was done about it. A file that is damaged elsewhere is put aside, and
// BigQuery is asked instead.

import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { lockDirectory, writeFileAtomic } from '#stack/base/files.ts'
import type { DirectoryLock } from '#stack/base/files.ts'
import { MiB } from '#stack/base/units.ts'
import { tableNames } from '#stack/contract/tables.ts'
import type { TableName } from '#stack/contract/tables.ts'
import { apply } from './protocol.ts'
import type { Fact, Ship } from './protocol.ts'

type Line = { owner: string } | ({ table: TableName } & Fact)

const bytesMax = MiB
/** Whose promise is done with when they are written: lost, they are found out again. */
const needNoSync: ReadonlySet<Fact['fact']> = new Set(['landed', 'skipped'])

export class StateFile {
  /** Of the lease: this file's, so that who goes on with it is the same owner. */
  readonly owner: string
  readonly ships = new Map<TableName, Ship>()
  /** Why nothing was known at the start; absent where something was. */
  readonly unknownBecause: string | undefined
  readonly #path: string
  readonly #lock: DirectoryLock
  #handle = -1
  #bytes = 0

  /** One process at a time. */
  constructor(dir: string) {
    mkdirSync(dir, { recursive: true })
    this.#lock = lockDirectory(dir, 'slipway bridge, lane of tables')
    this.#path = join(dir, 'ships.ndjson')
    const found = readLines(this.#path)
    this.unknownBecause = found.unknownBecause
    this.owner = found.owner ?? `bridge-${randomUUID().slice(0, 8)}`
    for (const { table, ...fact } of found.facts) {
      this.ships.set(table, apply(this.ships.get(table), fact))
    }
    this.#rewrite()
  }

  /** Resolves into what is known now. */
  record(table: TableName, fact: Fact): Ship {
    const ship = apply(this.ships.get(table), fact)
    this.#write({ table, ...fact })
    if (!needNoSync.has(fact.fact)) fsyncSync(this.#handle)
    this.ships.set(table, ship)
    if (this.#bytes > bytesMax) this.#rewrite()
    return ship
  }

  close(): void {
    closeSync(this.#handle)
    this.#lock.release()
  }

  #write(line: Line): void {
    this.#bytes += writeSync(this.#handle, `${JSON.stringify(line)}\n`)
  }

  #rewrite(): void {
    const lines: Line[] = [{ owner: this.owner }]
    for (const [table, ship] of this.ships) {
      for (const fact of factsOf(ship)) lines.push({ table, ...fact })
    }
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    writeFileAtomic(this.#path, text)
    if (this.#handle !== -1) closeSync(this.#handle)
    this.#handle = openSync(this.#path, 'a')
    this.#bytes = Buffer.byteLength(text)
  }
}

/** The shortest way to the same knowledge. What landed in the stream is told as one intent, and the last load by its time. */
export function factsOf({ epoch, shippedSeq, stream, intent, load, lastLoadMs }: Ship): Fact[] {
  const facts: Fact[] = [{ fact: 'shipping', epoch, shippedSeq }]
  if (load) facts.push({ fact: 'load', ...load })
  else if (lastLoadMs > 0) {
    const last = { id: '', retry: 0, rows: 0, seqFrom: 0, seqTo: shippedSeq, atMs: lastLoadMs }
    facts.push({ fact: 'load', ...last }, { fact: 'loaded' })
  }
  if (stream) {
    const { name, createdMs, next } = stream
    facts.push({ fact: 'stream', name, createdMs })
    if (next > 0) {
      const before = { offset: 0, rows: next, seqFrom: 0, seqTo: shippedSeq }
      facts.push({ fact: 'intent', ...before }, { fact: 'landed' })
    }
  }
  return intent ? [...facts, { fact: 'intent', ...intent }] : facts
}

interface Found {
  owner: string | undefined
  facts: ({ table: TableName } & Fact)[]
  unknownBecause: string | undefined
}

function readLines(path: string): Found {
  const nothing = { owner: undefined, facts: [] }
  if (!existsSync(path)) return { ...nothing, unknownBecause: 'there is no file yet' }
  const text = readFileSync(path, 'utf8')
  try {
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const [first, ...rest] = whole.split('\n').filter((line) => line !== '')
    const { owner } = JSON.parse(first ?? '') as { owner?: string }
    if (owner === undefined) throw new Error('the first line names no owner')
    const facts = rest.map(factOf)
    checkFold(facts)
    return { owner, facts, unknownBecause: undefined }
  } catch (error) {
    renameSync(path, `${path}.damaged`)
    return { ...nothing, unknownBecause: `${path} was damaged: ${String(error)}` }
  }
}

function factOf(line: string): { table: TableName } & Fact {
  const fact = JSON.parse(line) as { table: TableName } & Fact
  if (!tableNames.includes(fact.table)) throw new Error(`there is no table "${fact.table}"`)
  return fact
}

/** Facts that make no sense one after another are damage too. */
function checkFold(facts: Found['facts']): void {
  const ships = new Map<TableName, Ship>()
  for (const { table, ...fact } of facts) {
    ships.set(table, apply(ships.get(table), fact))
  }
}
