// Streams of Storage Write and their offsets. Rows and the offset behind them are one transaction, so that what a stream
// says of itself is true in the next life too. Rows of pending and buffered streams wait in a table of their own.

import { randomUUID } from 'node:crypto'
import { status } from '@grpc/grpc-js'
import { BadRows, extraFields, RowColumns } from './row-messages.ts'
import type { ProtoDescriptor } from './row-messages.ts'
import type { Field } from './schema.ts'
import { columnList, dayMicros, duckName, isIngestionPartitioned, keyOf } from './warehouse.ts'
import type { Table, Warehouse, Write } from './warehouse.ts'

export type StreamType = 'COMMITTED' | 'PENDING' | 'BUFFERED'

export interface WriteStream {
  name: string
  table: string
  type: StreamType
  createdMs: number
  /** Of the next row. */
  next: number
  /** Of a buffered stream: rows that can be seen. */
  flushed: number
  isFinalized: boolean
  isCommitted: boolean
  /** Of the table s<id> where rows wait, and their columns. */
  id: number
  fields: Field[]
}

/** By the numbers of StorageError. */
export const storageCodes = {
  tableNotFound: 1,
  alreadyCommitted: 2,
  streamNotFound: 3,
  invalidType: 4,
  invalidState: 5,
  finalized: 6,
  extraFields: 7,
  offsetExists: 8,
  offsetOutOfRange: 9,
} as const

export class StreamRefused extends Error {
  override name = 'StreamRefused'
  readonly code: status
  readonly storageCode: number
  readonly entity: string
  readonly rowErrors: { index: number; code: number; message: string }[]

  constructor(
    code: status,
    storageCode: number,
    message: string,
    entity = '',
    rowErrors: StreamRefused['rowErrors'] = [],
  ) {
    super(message)
    this.code = code
    this.storageCode = storageCode
    this.entity = entity
    this.rowErrors = rowErrors
  }
}

export interface Append {
  stream: string
  offset: number | undefined
  descriptor: ProtoDescriptor
  rows: readonly Uint8Array[]
}

interface Rows {
  table: Table
  columns: RowColumns
  rows: readonly Uint8Array[]
  name: string
  /** None for the default stream. */
  stream?: WriteStream
}

/** Of a kind that was given out; others are no names at all. */
const streamName = /\/streams\/[0-9a-f-]{36}$/

export class WriteStreams {
  readonly warehouse: Warehouse
  readonly #columns = new WeakMap<
    ProtoDescriptor,
    { fields: readonly Field[]; columns: RowColumns }
  >()

  constructor(warehouse: Warehouse) {
    this.warehouse = warehouse
  }

  /** A connection sends its descriptor once; a column that is added makes other fields. */
  #columnsOf(descriptor: ProtoDescriptor, fields: readonly Field[]): RowColumns {
    const known = this.#columns.get(descriptor)
    if (known?.fields === fields) return known.columns
    const columns = new RowColumns(descriptor, fields)
    this.#columns.set(descriptor, { fields, columns })
    return columns
  }

  tableOf(name: string): Table {
    const [, projectId = '', datasetId = '', tableId = ''] =
      /^projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)/.exec(name) ?? []
    const table = this.warehouse.tables.get(`${projectId}:${datasetId}.${tableId}`)
    if (table?.type === 'TABLE') return table
    throw new StreamRefused(
      status.NOT_FOUND,
      storageCodes.tableNotFound,
      `Requested entity was not found. Table not found: ${projectId}:${datasetId}.${tableId}`,
      name,
    )
  }

  get(name: string): WriteStream {
    const found = this.warehouse.streams.get(name) as WriteStream | undefined
    if (found) return found
    this.tableOf(name)
    if (!streamName.test(name)) {
      const why = `Invalid stream name. Entity: ${name}`
      throw new StreamRefused(status.INVALID_ARGUMENT, storageCodes.streamNotFound, why, name)
    }
    throw new StreamRefused(
      status.NOT_FOUND,
      storageCodes.streamNotFound,
      `Requested entity was not found. Stream not found: ${name}`,
      name,
    )
  }

  async create(parent: string, type: StreamType): Promise<WriteStream> {
    const table = this.tableOf(parent)
    const stream: WriteStream = {
      name: `${parent}/streams/${randomUUID()}`,
      table: keyOf(table),
      type,
      createdMs: this.warehouse.clock.now(),
      next: 0,
      flushed: 0,
      isFinalized: false,
      isCommitted: false,
      id: 0,
      fields: table.fields,
    }
    await this.warehouse.write(async (write) => {
      if (type !== 'COMMITTED') {
        if (isIngestionPartitioned(table)) {
          throw new StreamRefused(
            status.UNIMPLEMENTED,
            storageCodes.invalidType,
            'Streams that wait are not supported by the embedded BigQuery for tables partitioned by ingestion time',
          )
        }
        stream.id = await write.nextId()
        await write.connection.run(`CREATE TABLE s${stream.id} (${columnList(table)}, _row BIGINT)`)
      }
      await write.put('stream', stream.name, stream)
    })
    return stream
  }

  /** The offset of the first row; undefined on a default stream. */
  async append({ stream: name, offset, descriptor, rows }: Append): Promise<number | undefined> {
    const table = this.tableOf(name)
    const isDefault = name.endsWith('/_default')
    const waiting = isDefault ? undefined : this.get(name)
    const fields = waiting && waiting.type !== 'COMMITTED' ? waiting.fields : table.fields
    const extra = extraFields(descriptor, fields)
    if (extra.length > 0) {
      throw new StreamRefused(
        status.INVALID_ARGUMENT,
        storageCodes.extraFields,
        `The source object has fields unknown to BigQuery: ${extra.join(', ')}.`,
        name,
      )
    }
    const columns = this.#columnsOf(descriptor, fields)
    return this.warehouse.write(async (write) => {
      if (isDefault) {
        if (offset !== undefined)
          throw new StreamRefused(
            status.INVALID_ARGUMENT,
            storageCodes.invalidType,
            'Offset cannot be given on the default stream.',
            name,
          )
        await this.#appendTo(write, { table, columns, rows, name })
        return undefined
      }
      const stream = this.get(name)
      checkOffset(stream, offset)
      await this.#appendTo(write, { table, columns, rows, name, stream })
      await write.put('stream', name, { ...stream, next: stream.next + rows.length })
      return stream.next
    })
  }

  /** Into the table, or where the rows of a stream wait. */
  async #appendTo(write: Write, { table, columns, rows, name, stream }: Rows): Promise<void> {
    if (rows.length === 0) return
    const doWait = stream !== undefined && stream.type !== 'COMMITTED'
    const cameMicros = dayMicros(this.warehouse.clock.now())
    const tail = isIngestionPartitioned(table) ? () => cameMicros : undefined
    const appender = await write.connection.createAppender(
      doWait ? `s${stream.id}` : duckName(table),
    )
    try {
      columns.append(appender, rows, doWait ? (row) => stream.next + row : tail)
      appender.flushSync()
    } catch (error) {
      throw error instanceof BadRows ? refusedRows(error, name) : error
    } finally {
      appender.closeSync()
    }
  }

  /** How many rows it has; nothing can be appended after this. */
  async finalize(name: string): Promise<number> {
    if (name.endsWith('/_default'))
      throw new StreamRefused(
        status.NOT_FOUND,
        storageCodes.streamNotFound,
        `Requested entity was not found. Entity: ${name}`,
        name,
      )
    return this.warehouse.write(async (write) => {
      const stream = this.get(name)
      await write.put('stream', name, { ...stream, isFinalized: true })
      return stream.next
    })
  }

  /** All of them or none: what stands in the way of each. */
  async commit(parent: string, names: readonly string[]): Promise<StreamRefused[]> {
    const table = this.tableOf(parent)
    return this.warehouse.write(async (write) => {
      const errors = names.flatMap((name) => this.#commitError(name) ?? [])
      if (errors.length > 0) return errors
      for (const name of names) {
        const stream = this.get(name)
        await moveRows(write, table, stream, '')
        await write.connection.run(`DROP TABLE s${stream.id}`)
        await write.put('stream', name, { ...stream, isCommitted: true })
      }
      return []
    })
  }

  #commitError(name: string): StreamRefused | undefined {
    const stream = this.warehouse.streams.get(name) as WriteStream | undefined
    if (!stream)
      return new StreamRefused(
        status.NOT_FOUND,
        storageCodes.streamNotFound,
        `Stream not found: ${name}`,
        name,
      )
    if (stream.type !== 'PENDING')
      return new StreamRefused(
        status.INVALID_ARGUMENT,
        storageCodes.invalidType,
        `Stream ${name} is not PENDING`,
        name,
      )
    if (stream.isCommitted)
      return new StreamRefused(
        status.INVALID_ARGUMENT,
        storageCodes.alreadyCommitted,
        `Stream ${name} is already committed`,
        name,
      )
    if (!stream.isFinalized)
      return new StreamRefused(
        status.INVALID_ARGUMENT,
        storageCodes.invalidState,
        `Stream ${name} is not finalized`,
        name,
      )
    return undefined
  }

  /** Rows up to and with the offset can be seen. */
  async flush(name: string, offset: number): Promise<void> {
    await this.warehouse.write(async (write) => {
      const stream = this.get(name)
      if (stream.type !== 'BUFFERED')
        throw new StreamRefused(
          status.INVALID_ARGUMENT,
          storageCodes.invalidType,
          'Only a BUFFERED stream can be flushed.',
          name,
        )
      if (offset >= stream.next)
        throw new StreamRefused(
          status.OUT_OF_RANGE,
          storageCodes.offsetOutOfRange,
          `The offset ${offset} is beyond the end of the stream, which is ${stream.next}`,
          name,
        )
      if (offset < stream.flushed) return
      await moveRows(write, this.tableOf(name), stream, ` WHERE _row <= ${offset}`)
      await write.connection.run(`DELETE FROM s${stream.id} WHERE _row <= ${offset}`)
      await write.put('stream', name, { ...stream, flushed: offset + 1 })
    })
  }
}

async function moveRows(
  { connection }: Write,
  table: Table,
  { id }: WriteStream,
  where: string,
): Promise<void> {
  await connection.run(
    `INSERT INTO ${duckName(table)} BY NAME SELECT * EXCLUDE (_row) FROM s${id}${where} ORDER BY _row`,
  )
}

function checkOffset(stream: WriteStream, offset: number | undefined): void {
  const { name, next } = stream
  if (stream.isFinalized)
    throw new StreamRefused(
      status.INVALID_ARGUMENT,
      storageCodes.finalized,
      `Stream is finalized and cannot be appended to: ${name}`,
      name,
    )
  if (offset === undefined || offset === next) return
  if (offset < next) {
    throw new StreamRefused(
      status.ALREADY_EXISTS,
      storageCodes.offsetExists,
      `The offset is within stream, expected offset ${next}, received ${offset}`,
      name,
    )
  }
  throw new StreamRefused(
    status.OUT_OF_RANGE,
    storageCodes.offsetOutOfRange,
    `The offset is beyond stream, expected offset ${next}, received ${offset}`,
    name,
  )
}

/** One bad row refuses all of a request, and is named. */
function refusedRows({ rows }: BadRows, name: string): StreamRefused {
  return new StreamRefused(
    status.INVALID_ARGUMENT,
    0,
    'Errors found while processing rows. Please refer to the row_errors field for details.',
    name,
    rows.map(({ index, message }) => ({ index, code: 1, message })),
  )
}
