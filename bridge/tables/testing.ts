// For the tests of lane B: a history of rows that are made up, served as the read API serves them, and the tables in an
// embedded BigQuery.

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isoTime } from '#stack/base/units.ts'
import { storedColumns } from '#stack/contract/tables.ts'
import type { TableName } from '#stack/contract/tables.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'
import type { GoogleTarget } from '#stack/google/target.ts'
import { tableResource, tableResources } from './resources.ts'
import type { WireRow } from './row-encoding.ts'

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
    response.end(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
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
