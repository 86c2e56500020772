// BigQuery as lane B needs it: streams of a table, what the table holds, the columns it has. Each call is made once: when to
// try again, and what a lost answer means, is the protocol's business.

import type { BigQueryClients, StorageWriter } from '#stack/google/bigquery.ts'
import { codes } from './protocol.ts'
import type { TableAnswer } from './protocol.ts'
import type { TableResource } from './resources.ts'

export interface TargetOptions {
  client: BigQueryClients['client']
  writer: StorageWriter
  projectId: string
  datasetId: string
  /** Of one call. */
  timeoutMs: number
}

export type FinalizeReply = { kind: 'finalized'; rowCount: number } | { kind: 'gone' }

const committed = 1

export class Target {
  readonly #options: TargetOptions

  constructor(options: TargetOptions) {
    this.#options = options
  }

  get writer(): StorageWriter {
    return this.#options.writer
  }

  async createStream(tableId: string): Promise<string> {
    const { writer, projectId, datasetId } = this.#options
    await writer.initialize()
    const parent = `projects/${projectId}/datasets/${datasetId}/tables/${tableId}`
    const request = { parent, writeStream: { type: committed } }
    const [stream] = await writer.getClient().createWriteStream(request, this.#once)
    return stream.name ?? ''
  }

  /** Nothing is appended after this; the row count is what landed. */
  async finalize(stream: string): Promise<FinalizeReply> {
    const { writer } = this.#options
    await writer.initialize()
    try {
      const request = { name: stream }
      const [{ rowCount }] = await writer.getClient().finalizeWriteStream(request, this.#once)
      return { kind: 'finalized', rowCount: Number(rowCount ?? 0) }
    } catch (error) {
      if ((error as { code?: number }).code === codes.notFound) return { kind: 'gone' }
      throw error
    }
  }

  /** Committed rows are seen at once. */
  async ask(
    tableId: string,
    range: { epoch: number; seqFrom: number; seqTo: number },
  ): Promise<TableAnswer> {
    const { client, projectId, datasetId } = this.#options
    const [rows] = await client.query({
      query: `SELECT COUNT(*) AS row_count, MAX(_seq) AS max_seq FROM \`${projectId}.${datasetId}.${tableId}\`
        WHERE _epoch = @epoch AND _seq BETWEEN @seqFrom AND @seqTo`,
      params: range,
    })
    const [answer] = rows as { row_count: number; max_seq: number | null }[]
    return { rows: answer?.row_count ?? 0, maxSeq: answer?.max_seq ?? null }
  }

  /** Columns that the table lacks are added: a contract only ever gains nullable ones. */
  async ensureColumns({ tableId, schema }: TableResource): Promise<void> {
    const { client, datasetId } = this.#options
    const table = client.dataset(datasetId).table(tableId)
    const [metadata] = (await table.getMetadata()) as unknown as [
      { etag: string; schema: { fields: { name: string }[] } },
    ]
    const { fields } = metadata.schema
    const names = new Set(fields.map(({ name }) => name.toLowerCase()))
    const added = schema.fields.filter(({ name }) => !names.has(name.toLowerCase()))
    if (added.length === 0) return
    await table.setMetadata({
      etag: metadata.etag,
      schema: { fields: [...fields, ...added.map(nullable)] },
    })
  }

  get #once() {
    return { timeout: this.#options.timeoutMs, retry: null as never }
  }
}

const nullable = <F extends { mode: string }>(field: F): F =>
  field.mode === 'REQUIRED' ? { ...field, mode: 'NULLABLE' } : field
