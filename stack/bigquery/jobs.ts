// Jobs: queries, loads, copies. A job runs as it is inserted; an id is used once, whatever became of it. Jobs that write
// are kept with what they wrote, in one transaction; those that only read are forgotten with the process.

import { randomUUID } from 'node:crypto'
import type { Place } from './catalog.ts'
import { detectFields, parquetFields, parquetSelect, readFile, withParquet } from './load.ts'
import type { LoadOptions } from './load.ts'
import { readParameters } from './parameters.ts'
import type { QueryParameter } from './parameters.ts'
import { duplicate, invalid, notFound, notImplemented, Refused } from './refused.ts'
import { asText, readFields, typeOfField } from './schema.ts'
import type { Field } from './schema.ts'
import { addColumn, checkPartitioning } from './definitions.ts'
import { readRows, runScript } from './statements.ts'
import type { Outcome } from './statements.ts'
import { quoteName } from './sql/types.ts'
import { decodeRow } from './values.ts'
import type { Cell } from './values.ts'
import {
  appendRows,
  createDuckTable,
  dayMicros,
  duckName,
  ingestionColumn,
  isIngestionPartitioned,
  keyOf,
  tableKey,
} from './warehouse.ts'
import type { Table, Warehouse, Write } from './warehouse.ts'

export interface TableReference {
  projectId: string
  datasetId: string
  tableId: string
}

export interface JobConfig {
  jobType?: string
  dryRun?: boolean
  labels?: Record<string, string>
  query?: {
    query: string
    useLegacySql?: boolean
    defaultDataset?: { projectId?: string; datasetId: string }
    destinationTable?: TableReference
    writeDisposition?: string
    createDisposition?: string
    queryParameters?: QueryParameter[]
    schemaUpdateOptions?: string[]
    timePartitioning?: Table['timePartitioning']
    clustering?: Table['clustering']
    connectionProperties?: { key: string; value: string }[]
    [other: string]: unknown
  }
  load?: {
    destinationTable: TableReference
    schema?: { fields: unknown }
    sourceFormat?: string
    writeDisposition?: string
    createDisposition?: string
    autodetect?: boolean
    schemaUpdateOptions?: string[]
    timePartitioning?: Table['timePartitioning']
    clustering?: Table['clustering']
    [other: string]: unknown
  }
  [other: string]: unknown
}

export interface Job {
  projectId: string
  jobId: string
  location: string
  config: JobConfig
  createdMs: number
  endedMs: number
  error?: { code: number; reason: string; message: string; location?: string }
  statistics: Record<string, unknown>
  fields: Field[]
}

export interface Result {
  fields: Field[]
  rows: Cell[][]
}

const resultRowsMax = 1_000_000

const formats = {
  read: ['CSV', 'NEWLINE_DELIMITED_JSON', 'PARQUET'],
  others: ['AVRO', 'ORC', 'DATASTORE_BACKUP'],
}

/** Before there is a job. */
function checkFormat(format = 'CSV'): void {
  if (![...formats.read, ...formats.others].includes(format))
    throw invalid(`Invalid value for sourceFormat: ${format} is not a valid value`)
}

export class Jobs {
  readonly warehouse: Warehouse
  readonly #jobs = new Map<string, Job>()
  readonly #running = new Set<Job>()
  readonly #results = new Map<string, Result>()
  #resultRows = 0

  constructor(warehouse: Warehouse) {
    this.warehouse = warehouse
    for (const [key, job] of warehouse.jobs) this.#jobs.set(key, job as Job)
  }

  get(projectId: string, jobId: string): Job {
    const job = this.#jobs.get(`${projectId}:${jobId}`)
    if (!job) throw notFound(`Job ${projectId}:${jobId}`)
    return job
  }

  /** Its rows may not be there yet. */
  isRunning(job: Job): boolean {
    return this.#running.has(job)
  }

  list(projectId: string): Job[] {
    return [...this.#jobs.values()].filter((job) => job.projectId === projectId).reverse()
  }

  forget(projectId: string, jobId: string): void {
    this.get(projectId, jobId)
    this.#jobs.delete(`${projectId}:${jobId}`)
  }

  result(job: Job): Result {
    return this.#results.get(`${job.projectId}:${job.jobId}`) ?? { fields: job.fields, rows: [] }
  }

  /** Runs it to its end; how it ended stands in the job. */
  async run(
    projectId: string,
    config: JobConfig,
    reference: { jobId?: string; location?: string },
    body?: Buffer,
  ): Promise<Job> {
    const { jobId = `job_${randomUUID()}`, location = this.#locationOf(projectId) } = reference
    if (!/^[\w-]{1,1024}$/.test(jobId)) throw invalid(`Invalid job ID "${jobId}"`)
    if (config.load) checkFormat(config.load.sourceFormat)
    const key = `${projectId}:${jobId}`
    if (this.#jobs.has(key)) throw duplicate(`Job ${projectId}:${location}.${jobId}`)
    const nowMs = this.warehouse.clock.now()
    const jobType = config.query
      ? 'QUERY'
      : config.load
        ? 'LOAD'
        : config['copy']
          ? 'COPY'
          : 'EXTRACT'
    const job: Job = {
      projectId,
      jobId,
      location,
      config: { ...config, jobType },
      createdMs: nowMs,
      endedMs: nowMs,
      statistics: {},
      fields: [],
    }
    const isDryRun = config.dryRun === true
    if (!isDryRun) this.#jobs.set(key, job)
    this.#running.add(job)
    try {
      if (config.query) await this.#query(job, config.query)
      else if (config.load) await this.#load(job, config.load, body)
      else throw notImplemented(`a job of type ${jobType}`)
    } catch (error) {
      if (!(error instanceof Refused)) {
        this.#jobs.delete(key)
        throw error
      }
      if (isDryRun) throw error
      job.error = { code: error.code, ...error.proto }
      if (config.load) await this.warehouse.write((write) => write.put('job', key, job))
    } finally {
      this.#running.delete(job)
    }
    job.endedMs = this.warehouse.clock.now()
    return job
  }

  /** BigQuery goes by the datasets a job names; here it is where all of the project are. */
  #locationOf(projectId: string): string {
    const own = [...this.warehouse.datasets.values()].filter((each) => each.projectId === projectId)
    const places = new Set(own.map(({ settings }) => asText(settings['location'] ?? 'US')))
    const [place = 'US'] = places
    return places.size === 1 ? place : 'US'
  }

  async #query(job: Job, query: NonNullable<JobConfig['query']>): Promise<void> {
    const isDryRun = job.config.dryRun === true
    if (query.useLegacySql === true)
      throw invalid('Legacy SQL is not supported by the embedded BigQuery')
    if (query.connectionProperties?.some(({ key }) => key === 'session_id'))
      throw invalid('Invalid input session id.')
    const { defaultDataset, destinationTable } = query
    const place: Place = {
      projectId: job.projectId,
      ...(defaultDataset && {
        defaultDataset: {
          projectId: defaultDataset.projectId ?? job.projectId,
          datasetId: defaultDataset.datasetId,
        },
      }),
    }
    const outcome = await runScript(this.warehouse, query.query, {
      place,
      ...readParameters(query.queryParameters ?? []),
      isDryRun,
    })
    job.fields = outcome.fields
    let rows = outcome.rows
    if (destinationTable && outcome.statementType === 'SELECT') {
      const written = await this.#writeResult(destinationTable, outcome, query, isDryRun)
      job.fields = written.fields
      rows = written.rows
    }
    job.statistics = {
      query: {
        statementType: outcome.statementType,
        totalBytesProcessed: '0',
        totalBytesBilled: '0',
        cacheHit: false,
        ...(outcome.affectedRows !== undefined && {
          numDmlAffectedRows: String(outcome.affectedRows),
        }),
        ...(outcome.dmlStats && { dmlStats: outcome.dmlStats }),
        ...(outcome.ddl && {
          ddlOperationPerformed: outcome.ddl.operation,
          ...(outcome.ddl.table && { ddlTargetTable: outcome.ddl.table }),
        }),
        ...(isDryRun && { schema: { fields: outcome.fields } }),
      },
      totalBytesProcessed: '0',
    }
    if (!isDryRun) this.#keep(job, { fields: job.fields, rows })
  }

  #keep(job: Job, result: Result): void {
    this.#results.set(`${job.projectId}:${job.jobId}`, result)
    this.#resultRows += result.rows.length
    for (const [key, old] of this.#results) {
      if (this.#resultRows <= resultRowsMax || old === result) break
      this.#results.delete(key)
      this.#resultRows -= old.rows.length
    }
  }

  async #writeResult(
    reference: TableReference,
    outcome: Outcome,
    config: NonNullable<JobConfig['query']>,
    isDryRun: boolean,
  ): Promise<Result> {
    const { writeDisposition = 'WRITE_EMPTY', schemaUpdateOptions = [] } = config
    if (
      schemaUpdateOptions.length > 0 &&
      writeDisposition !== 'WRITE_APPEND' &&
      !reference.tableId.includes('$')
    ) {
      throw invalid(
        'Schema update options should only be specified with WRITE_APPEND disposition, or with WRITE_TRUNCATE disposition on a table partition.',
      )
    }
    const destination = await this.#destination(reference, outcome.fields, config)
    if (isDryRun) return outcome
    const rows = outcome.rows.map((row) =>
      decodeRow(plainRow(row, outcome.fields), destination.table.fields, { ignoreUnknown: true }),
    )
    await this.warehouse.write(async (write) => {
      await prepare(write, destination, writeDisposition)
      await appendRows(write, destination.table, rows, this.warehouse.clock.now())
    })
    return this.warehouse.read(async (connection) => {
      const { table } = destination
      const sql = `SELECT ${table.fields.map(({ name }) => quoteName(name)).join(', ')} FROM ${duckName(table)}`
      return {
        fields: table.fields,
        rows: await readRows(connection, sql, table.fields.map(typeOfField)),
      }
    })
  }

  /** The table a job writes to, with the fields it will have. */
  async #destination(
    reference: TableReference,
    fields: Field[],
    options: Destination['options'],
  ): Promise<Destination> {
    const [tableId = '', partition] = reference.tableId.split('$')
    this.warehouse.dataset(reference.projectId, reference.datasetId)
    const key = tableKey(reference.projectId, reference.datasetId, tableId)
    const existing = this.warehouse.tables.get(key)
    const {
      createDisposition = 'CREATE_IF_NEEDED',
      writeDisposition,
      timePartitioning,
      clustering,
      schemaUpdateOptions = [],
    } = options
    if (!existing && createDisposition === 'CREATE_NEVER') throw notFound(`Table ${key}`)
    if (existing && existing.type !== 'TABLE')
      throw invalid(
        `${key} is not allowed for this operation because it is currently a ${existing.type}.`,
      )
    const nowMs = this.warehouse.clock.now()
    const isReplaced =
      !existing || (writeDisposition === 'WRITE_TRUNCATE' && partition === undefined)
    if (isReplaced) {
      const table: Table = {
        ...reference,
        tableId,
        id: 0,
        type: 'TABLE',
        fields: fields.length > 0 ? fields : (existing?.fields ?? []),
        createdMs: existing?.createdMs ?? nowMs,
        modifiedMs: nowMs,
        etag: `${nowMs}`,
        settings: existing?.settings ?? {},
        ...((timePartitioning ?? existing?.timePartitioning) && {
          timePartitioning: (timePartitioning ?? existing?.timePartitioning) as NonNullable<
            Table['timePartitioning']
          >,
        }),
        ...((clustering ?? existing?.clustering) && {
          clustering: (clustering ?? existing?.clustering) as NonNullable<Table['clustering']>,
        }),
        ...(existing?.rangePartitioning && { rangePartitioning: existing.rangePartitioning }),
      }
      checkPartitioning(table)
      return { table, replaces: existing, added: [], partition, options }
    }
    const table = structuredClone(existing)
    const added: Field[] = []
    for (const field of fields) {
      const own = table.fields.find(({ name }) => name.toLowerCase() === field.name.toLowerCase())
      if (own) {
        if (own.type !== field.type)
          throw invalid(
            `Provided Schema does not match Table ${key}. Field ${field.name} has changed type from ${own.type} to ${field.type}`,
          )
        continue
      }
      if (!schemaUpdateOptions.includes('ALLOW_FIELD_ADDITION'))
        throw invalid(
          `Provided Schema does not match Table ${key}. Cannot add fields (field: ${field.name})`,
        )
      const nullable: Field = {
        ...field,
        mode: field.mode === 'REQUIRED' ? 'NULLABLE' : field.mode,
      }
      added.push(nullable)
      table.fields.push(nullable)
    }
    table.modifiedMs = nowMs
    return { table, replaces: undefined, added, partition, options }
  }

  async #load(
    job: Job,
    load: NonNullable<JobConfig['load']>,
    body: Buffer | undefined,
  ): Promise<void> {
    if (!body) throw notImplemented('a load from Cloud Storage')
    const format = load.sourceFormat ?? 'CSV'
    if (formats.others.includes(format)) throw notImplemented(`a load of ${format}`)
    const number = (name: string): number => Number(load[name] ?? 0)
    const options: LoadOptions = {
      sourceFormat: format,
      skipLeadingRows: number('skipLeadingRows'),
      fieldDelimiter: (load['fieldDelimiter'] as string | undefined) ?? ',',
      ignoreUnknownValues: load['ignoreUnknownValues'] === true,
      maxBadRecords: number('maxBadRecords'),
      allowJaggedRows: load['allowJaggedRows'] === true,
      nullMarker: load['nullMarker'] as string | undefined,
    }
    let fields = load.schema ? readFields(load.schema.fields) : []
    const { destinationTable: to } = load
    const existing = this.warehouse.tables.get(
      tableKey(to.projectId, to.datasetId, to.tableId.split('$')[0] as string),
    )
    const isNew = !existing || load.writeDisposition === 'WRITE_TRUNCATE'
    if (
      format !== 'PARQUET' &&
      fields.length === 0 &&
      (load.autodetect === true || (isNew && format === 'NEWLINE_DELIMITED_JSON' && !existing))
    ) {
      const found = detectFields(body, options)
      fields = existing && !isNew ? [] : found.fields
      options.skipLeadingRows = found.skipLeadingRows
    }
    if (fields.length === 0 && !existing && format !== 'PARQUET')
      throw invalid('No schema specified on job or table.')
    const key = `${job.projectId}:${job.jobId}`
    const cameMs = this.warehouse.clock.now()
    const finish = async (
      write: Write,
      table: Table,
      count: number,
      badRecords: number,
    ): Promise<void> => {
      job.statistics = {
        load: {
          inputFiles: '1',
          inputFileBytes: String(body.length),
          outputRows: String(count),
          outputBytes: String(body.length),
          badRecords: String(badRecords),
        },
      }
      job.endedMs = this.warehouse.clock.now()
      job.config = { ...job.config, load: { ...load, schema: { fields: table.fields } } }
      await write.put('job', key, job)
    }
    if (format === 'PARQUET') {
      await withParquet(body, async (relation) => {
        const described = await this.warehouse.read(async (connection) => {
          try {
            return (await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${relation}`)).getRows()
          } catch {
            throw invalid('Error while reading data, error message: the file is no Parquet file')
          }
        })
        const columns = described.map(
          ([name, type]) => [String(name), String(type)] as [string, string],
        )
        const destination = await this.#destination(
          to,
          fields.length > 0 ? fields : isNew ? parquetFields(columns) : [],
          load,
        )
        await this.warehouse.write(async (write) => {
          await prepare(write, destination, load.writeDisposition ?? 'WRITE_APPEND')
          const { table } = destination
          const names = table.fields.map(({ name }) => quoteName(name))
          const stamp = isIngestionPartitioned(table) ? [quoteName(ingestionColumn)] : []
          const select = parquetSelect(relation, table.fields, columns)
          const stamped =
            stamp.length > 0
              ? `SELECT *, make_timestamptz(${dayMicros(cameMs)}) FROM (${select})`
              : select
          const result = await write.connection.runAndReadAll(
            `INSERT INTO ${duckName(table)} (${[...names, ...stamp].join(', ')}) ${stamped}`,
          )
          await finish(write, table, Number(result.getRows()[0]?.[0] ?? 0), 0)
        })
      })
      return
    }
    const destination = await this.#destination(to, fields, load)
    const { rows, badRecords } = readFile(body, destination.table.fields, options)
    await this.warehouse.write(async (write) => {
      await prepare(write, destination, load.writeDisposition ?? 'WRITE_APPEND')
      await appendRows(write, destination.table, rows, cameMs)
      await finish(write, destination.table, rows.length, badRecords)
    })
  }
}

interface Destination {
  table: Table
  replaces: Table | undefined
  added: Field[]
  partition: string | undefined
  options: {
    createDisposition?: string
    writeDisposition?: string
    timePartitioning?: Table['timePartitioning']
    clustering?: Table['clustering']
    schemaUpdateOptions?: string[]
  }
}

/** Makes the destination what it has to be before rows go into it. */
async function prepare(
  write: Write,
  { table, replaces, added, partition }: Destination,
  disposition: string,
): Promise<void> {
  if (disposition === 'WRITE_EMPTY' && table.id !== 0) {
    const count = await write.connection.runAndReadAll(`SELECT count(*) FROM ${duckName(table)}`)
    if (Number(count.getRows()[0]?.[0]) > 0) throw duplicate(`Table ${keyOf(table)}`)
  }
  if (table.id === 0) {
    if (replaces && disposition === 'WRITE_EMPTY') throw duplicate(`Table ${keyOf(table)}`)
    table.id = await write.nextId()
    if (replaces) await write.connection.run(`DROP TABLE ${duckName(replaces)}`)
    await createDuckTable(write, table)
  } else {
    for (const field of added) await write.connection.run(addColumn(table, field))
    if (disposition === 'WRITE_TRUNCATE' && partition !== undefined)
      await write.connection.run(
        `DELETE FROM ${duckName(table)} WHERE ${inPartition(table, partition)}`,
      )
  }
  await write.put('table', keyOf(table), table)
}

/** `t$20260101`: the rows of one partition. */
export function inPartition(table: Table, partition: string): string {
  const [, y, m = '01', d = '01', h = '00'] = /^(\d{4})(\d\d)?(\d\d)?(\d\d)?$/.exec(partition) ?? []
  if (y === undefined || !table.timePartitioning) throw invalid(`Invalid partition "${partition}"`)
  const unit = table.timePartitioning.type.toLowerCase()
  const column = `CAST(${quoteName(table.timePartitioning.field ?? ingestionColumn)} AS TIMESTAMP)`
  return `date_trunc('${unit}', ${column}) = TIMESTAMP '${y}-${m}-${d} ${h}:00:00'`
}

/** Cells back to JSON that rows are read from. */
function plainRow(row: readonly Cell[], fields: readonly Field[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field, i) => [field.name, plain(row[i] as Cell, field)]))
}

function plain(cell: Cell, field: Field): unknown {
  if (cell === null) return null
  if (field.mode === 'REPEATED')
    return (cell as { v: Cell }[]).map(({ v }) => plain(v, { ...field, mode: 'NULLABLE' }))
  if (field.type === 'RECORD')
    return plainRow(
      (cell as { f: { v: Cell }[] }).f.map(({ v }) => v),
      field.fields ?? [],
    )
  if (field.type === 'TIMESTAMP')
    return (cell as string).replace(
      /^(-?)(\d+)$/,
      (_, sign: string, digits: string) =>
        `${sign}${digits.padStart(7, '0').slice(0, -6)}.${digits.padStart(7, '0').slice(-6)}`,
    )
  return cell
}
