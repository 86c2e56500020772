// For the tests of lane B: a history of rows that are made up, served as the read API serves them, and the tables in an
// embedded BigQuery.

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isoTime } from '#stack/base/units.ts'
import { padded, RowPage, shapeOf, validityBytes } from '#stack/contract/row-pages.ts'
import { storedColumns } from '#stack/contract/tables.ts'
import type { ColumnType, TableName } from '#stack/contract/tables.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import type { GoogleTarget } from '#stack/google/target.ts'
import type { WireRow } from '../history-client.ts'
import { tableResource, tableResources } from './resources.ts'
import type { TableResource } from './resources.ts'

const startMs = Date.parse('2026-03-01T00:00:00.000Z')

/** A row with something in every column that must have something. */
export function madeUpRow(name: TableName, seq: number, epoch: number): Record<string, unknown> {
  const meta: Record<string, unknown> = { _seq: seq, _epoch: epoch, revision: 0, _deleted: false }
  const values = storedColumns(name, 'log').map(([column, { type, nullable }]) => {
    const value = {
      string: `${column} ${seq}`,
      integer: seq,
      boolean: seq % 2 === 0,
      timestamp: isoTime(startMs + seq * 60_000),
      json: { n: seq, b: [null, 1.5], a: 'é' },
      strings: ['a', `b${seq}`],
      items: [{ productId: `P${seq}`, quantity: 2, unitPriceMinor: 100 }],
      lines: [],
      amounts: [{ currency: 'EUR', valueMinor: -seq }],
    }[type]
    return [column, meta[column] ?? (nullable && seq % 3 === 0 ? null : value)]
  })
  return Object.fromEntries(values) as Record<string, unknown>
}

/** A page of these rows, put together value by value; times are texts, or microseconds. */
export function pageOf(name: TableName, rows: readonly WireRow[]): RowPage {
  const bytes = pageBytes(name, rows)
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return new RowPage(name, own)
}

function pageBytes(name: TableName, rows: readonly WireRow[]): Buffer {
  const columns = storedColumns(name, 'log')
  const cells = columns.map(([column, { type }]) => rows.map((row) => cellOf(row[column], type)))
  const texts = rows.map((_, row) =>
    Buffer.concat(cells.flatMap((column) => (column[row]?.text ? [column[row].text] : []))),
  )
  const parts = columns.flatMap(([, { type }], i) => {
    const of = cells[i] as Cell[]
    const values = of.map((cell) => cell?.value ?? unknownValue[shapeOf(type)])
    return [bits(of.map((cell) => cell !== null)), filledUp(Buffer.concat(values))]
  })
  const textBytes = filledUp(Buffer.concat(texts.map(({ length }) => int32(length))))
  const body = Buffer.concat([int32(rows.length), textBytes, ...parts, ...texts])
  return Buffer.concat([int32(body.length + 4), body])
}

type Cell = { value: Buffer; text?: Buffer } | null

const unknownValue = { number: Buffer.alloc(8, 7), truth: Buffer.alloc(1, 7), text: int32(7777) }

function cellOf(value: unknown, type: ColumnType): Cell {
  if (value === null || value === undefined) return null
  if (type === 'boolean') return { value: Buffer.from([value ? 1 : 0]) }
  if (type === 'integer') return { value: int64(value as number | bigint) }
  if (type === 'timestamp') {
    const micros = typeof value === 'string' ? BigInt(Date.parse(value)) * 1000n : (value as bigint)
    return { value: int64(micros) }
  }
  const text = Buffer.from(type === 'string' ? (value as string) : JSON.stringify(value))
  return { value: int32(text.length), text }
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function int64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(BigInt(value))
  return bytes
}

function filledUp(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)])
}

/** The first row's is the lowest bit of the first byte. */
function bits(ofRows: readonly boolean[]): Buffer {
  const bytes = Buffer.alloc(validityBytes(ofRows.length))
  for (const [row, bit] of ofRows.entries()) {
    if (bit) bytes[row >> 3] = (bytes[row >> 3] as number) | (1 << (row & 7))
  }
  return bytes
}

export class FakeHistory implements AsyncDisposable {
  epoch = 1
  maxSeq = 0
  /** What it has to catch up with. */
  eventsBehind = 0
  readonly #rows = new Map<string, WireRow[]>()
  readonly #server = createServer((request, response) => this.#answer(request, response))

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  add(name: TableName, count: number, change: (row: Record<string, unknown>) => void = () => {}) {
    const { source } = tableResource(name)
    const rows = this.rows(source)
    for (let i = 0; i < count; i++) {
      const row = madeUpRow(name, ++this.maxSeq, this.epoch)
      change(row)
      rows.push(row)
    }
  }

  rows(source: string): WireRow[] {
    const rows = this.#rows.get(source) ?? []
    this.#rows.set(source, rows)
    return rows
  }

  /** As after a rebuild: the same rows under other numbers. */
  rebuild(): void {
    this.epoch++
    for (const [source, rows] of this.#rows) {
      this.#rows.set(
        source,
        rows.map((row) => ({ ...row, _epoch: this.epoch })),
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://history')
    if (pathname === '/v1/tables') {
      response.end(JSON.stringify(this.#listing()))
      return
    }
    if (pathname === '/v1/positions') {
      const inputs = [{ endOffset: this.maxSeq + this.eventsBehind, completeTo: this.maxSeq }]
      response.end(JSON.stringify({ inputs }))
      return
    }
    const epoch = Number(searchParams.get('epoch'))
    if (epoch !== this.epoch) {
      response.writeHead(400).end(JSON.stringify({ error: `epoch ${epoch} is gone` }))
      return
    }
    const source = pathname.split('/')[3] ?? ''
    const afterSeq = Number(searchParams.get('afterSeq') ?? 0)
    const toSeq = Math.min(Number(searchParams.get('toSeq') ?? Infinity), this.maxSeq)
    const limit = Number(searchParams.get('limit') ?? Infinity)
    const rows = this.rows(source)
      .filter((row) => Number(row['_seq']) > afterSeq && Number(row['_seq']) <= toSeq)
      .slice(0, limit)
    response.setHeader('slipway-to-seq', String(toSeq))
    const { name } = tableResources.find((each) => each.source === source) as TableResource
    for (let at = 0; at < rows.length; at += 7)
      response.write(pageBytes(name, rows.slice(at, at + 7)))
    response.end()
  }

  #listing(): object {
    const tables = tableResources.map(({ source }) => ({
      name: source,
      rows: this.rows(source).length,
      maxSeq: Number(this.rows(source).at(-1)?.['_seq'] ?? 0),
    }))
    return { epoch: this.epoch, maxSeq: this.maxSeq, tables }
  }
}

/** A stand-in as clients are given it. */
export function targetOf({
  address,
  storageAddress,
}: Record<'address' | 'storageAddress', string>) {
  return {
    mode: 'emulator',
    projectId: 'shop',
    bigquery: address,
    bigqueryStorage: storageAddress,
  } as const satisfies GoogleTarget
}

export async function createTables(
  client: BigQueryClients['client'],
  datasetId: string,
): Promise<void> {
  const [dataset] = await client.createDataset(datasetId)
  for (const { tableId, schema, timePartitioning, clustering } of tableResources) {
    await dataset.createTable(tableId, { schema, timePartitioning, clustering })
  }
}
