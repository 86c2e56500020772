// BigQuery as lane B needs it: streams of a table, load jobs, what the table holds, the columns it has. Each call is made
// once: when to try again, and what a lost answer means, is the protocol's business.

import type { Clock } from '#stack/base/clock.ts'
import { messageOf } from '#stack/base/errors.ts'
import type { BigQueryClients, StorageWriter } from '#stack/google/bigquery.ts'
import { loadPrefix } from './load-protocol.ts'
import type { JobAnswer } from './load-protocol.ts'
import { codes } from './protocol.ts'
import type { TableAnswer } from './protocol.ts'
import type { TableResource } from './resources.ts'

export interface TargetOptions {
  client: BigQueryClients['client']
  writer: StorageWriter
  projectId: string
  datasetId: string
  clock: Clock
  /** Of one call. */
  timeoutMs: number
}

export type FinalizeReply = { kind: 'finalized'; rowCount: number } | { kind: 'gone' }

/** Unknown: no answer, or one that does not say whether there is such a job. */
export type InsertReply = JobAnswer | { kind: 'unknown'; reason: string }

/** A job as BigQuery's API writes it. */
interface JobResource {
  status?: {
    state?: string
    errorResult?: { reason?: string; message?: string }
    errors?: { message?: string }[]
  }
  statistics?: { load?: { outputRows?: string } }
}

const committed = 1

export class Target {
  readonly #options: TargetOptions
  /** Of the dataset, and so of its jobs, which are found nowhere else; told by its tables. */
  #place: { location?: string } = {}

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

  /** Of all projects. */
  nameOf(tableId: string): string {
    const { projectId, datasetId } = this.#options
    return `${projectId}.${datasetId}.${tableId}`
  }

  /** Sends the file; the rows are in the table when the job is done. */
  async insertLoad(tableId: string, jobId: string, path: string): Promise<InsertReply> {
    const { client, datasetId, clock, timeoutMs } = this.#options
    const table = client.dataset(datasetId, this.#place).table(tableId)
    const limit = new AbortController()
    const late = clock
      .sleep(timeoutMs, limit.signal)
      .then(() => Promise.reject(new Error(`no answer within ${timeoutMs} ms`)))
    try {
      const [, metadata] = await Promise.race([
        table.createLoadJob(path, {
          jobId,
          sourceFormat: 'NEWLINE_DELIMITED_JSON',
          createDisposition: 'CREATE_NEVER',
          writeDisposition: 'WRITE_APPEND',
        }),
        late,
      ])
      return jobAnswer(metadata)
    } catch (error) {
      return { kind: 'unknown', reason: messageOf(error) }
    } finally {
      limit.abort()
      late.catch(() => {})
    }
  }

  async job(jobId: string): Promise<JobAnswer> {
    const { client } = this.#options
    try {
      const [metadata] = await client.job(jobId, this.#place).getMetadata()
      return jobAnswer(metadata)
    } catch (error) {
      if ((error as { code?: number }).code === 404) return { kind: 'absent' }
      throw error
    }
  }

  async hasUnfinishedLoads(tableId: string): Promise<boolean> {
    const [jobs] = await this.#options.client.getJobs({ stateFilter: ['pending', 'running'] })
    return jobs.some(({ id }) => id?.startsWith(loadPrefix(tableId)))
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
      { etag: string; location: string; schema: { fields: { name: string }[] } },
    ]
    this.#place = { location: metadata.location }
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

function jobAnswer({ status, statistics }: JobResource): JobAnswer {
  if (status?.state !== 'DONE') return { kind: 'running' }
  const { errorResult, errors = [] } = status
  if (!errorResult) {
    const rows = statistics?.load?.outputRows
    return { kind: 'done', rows: rows === undefined ? null : Number(rows) }
  }
  const messages = [errorResult, ...errors].flatMap(({ message }) => message ?? [])
  return { kind: 'failed', reason: errorResult.reason ?? '', messages }
}

const nullable = <F extends { mode: string }>(field: F): F =>
  field.mode === 'REQUIRED' ? { ...field, mode: 'NULLABLE' } : field
