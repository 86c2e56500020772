// Rows of Storage Write: protobuf messages by a descriptor that comes with the request, read straight into columns and
// appended a vector's length at a time.

import { DuckDBDataChunk } from '@duckdb/node-api'
import type { DuckDBAppender } from '@duckdb/node-api'
import { Arena, fillChunk, Int64Column } from '../duckdb/vectors.ts'
import { Message } from './message-cells.ts'
import type { ProtoDescriptor } from './message-cells.ts'
import type { Field } from './schema.ts'
import { BadValue } from './values.ts'

export type { ProtoDescriptor } from './message-cells.ts'

/** Fields of the messages that the table has not. */
export function extraFields(descriptor: ProtoDescriptor, fields: readonly Field[]): string[] {
  const names = new Set(fields.map(({ name }) => name.toLowerCase()))
  return descriptor.field.map(({ name }) => name).filter((name) => !names.has(name.toLowerCase()))
}

/** DuckDB's vectors hold as many. */
const chunkRows = 2048

/** Made once for a descriptor, since all of its rows go through it, a request's after another's. */
export class RowColumns {
  readonly #arena = new Arena()
  readonly #message: Message
  /** A column behind the fields that is no matter of the message: a row's number, or the time it came. */
  readonly #tail = new Int64Column()
  #chunk: DuckDBDataChunk | undefined

  constructor(descriptor: ProtoDescriptor, fields: readonly Field[]) {
    this.#message = new Message(descriptor, fields, { arena: this.#arena })
  }

  /** Throws `BadRows`, which names each row that cannot be, when some have been appended already. */
  append(
    appender: DuckDBAppender,
    rows: readonly Uint8Array[],
    tail?: (row: number) => number,
  ): void {
    const bad: BadRow[] = []
    for (let from = 0; from < rows.length; from += chunkRows) {
      const some = rows.slice(from, from + chunkRows)
      try {
        some.forEach((bytes, i) => {
          this.#read(bytes, from + i, bad)
          if (tail) this.#tail.pushNumber(tail(from + i))
        })
        if (bad.length === 0) this.#fill(appender, some.length, tail !== undefined)
      } finally {
        this.#clear()
      }
    }
    if (bad.length > 0) throw new BadRows(bad)
  }

  #read(bytes: Uint8Array, index: number, bad: BadRow[]): void {
    try {
      this.#message.read(bytes)
    } catch (error) {
      // The reader's word for a message that ends too early.
      const isBad = error instanceof BadValue || error instanceof RangeError
      if (!isBad) throw error
      bad.push({ index, message: error.message })
      // What is left of it must not be the next one's; of the others nothing is filled any more.
      this.#message.clear()
    }
  }

  #fill(appender: DuckDBAppender, rows: number, hasTail: boolean): void {
    const chunk = this.#chunkFor(appender)
    const { cells } = this.#message
    const columns = cells.map(({ column }) => column)
    if (hasTail) columns.push(this.#tail)
    fillChunk(chunk, columns, { arena: this.#arena, rows })
    cells.forEach(({ values }, i) => values && chunk.setColumnValues(i, values))
    appender.appendDataChunk(chunk)
    chunk.reset()
  }

  /** Streams of one table may differ in whether there is a column behind the fields. */
  #chunkFor(appender: DuckDBAppender): DuckDBDataChunk {
    const { columnCount } = appender
    if (this.#chunk?.columnCount !== columnCount) {
      this.#chunk = DuckDBDataChunk.create(
        Array.from({ length: columnCount }, (_, i) => appender.columnType(i)),
      )
    }
    return this.#chunk
  }

  #clear(): void {
    this.#message.clear()
    this.#tail.clear()
    this.#arena.length = 0
  }
}

interface BadRow {
  index: number
  message: string
}

export class BadRows extends Error {
  override name = 'BadRows'
  readonly rows: readonly BadRow[]
  constructor(rows: readonly BadRow[]) {
    super(`${rows.length} rows cannot be read`)
    this.rows = rows
  }
}
