// The routes of the REST API: what a request asks for, what the answer looks like. Paths come with and without
// /bigquery/v2, since clients differ in it.

import { randomUUID } from 'node:crypto'
import { addColumn, checkPartitioning, dropDataset, dropTable, makeView } from './definitions.ts'
import { Jobs } from './jobs.ts'
import type { Job, JobConfig } from './jobs.ts'
import { duplicate, invalid, notFound, notImplemented, Refused } from './refused.ts'
import { asText, readFields, typeOfField } from './schema.ts'
import type { Field } from './schema.ts'
import { readRows } from './statements.ts'
import { quoteName } from './sql/types.ts'
import { insertAll } from './insert-all.ts'
import { withTimestamps } from './values.ts'
import type { Cell } from './values.ts'
import { createDuckTable, datasetKey, duckName, keyOf, tableKey } from './warehouse.ts'
import type { Dataset, Table, Warehouse } from './warehouse.ts'

export interface RestRequest {
  method: string
  path: string
  query: URLSearchParams
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  /** http://host:port, for the addresses of uploads. */
  origin: string
}

export interface RestAnswer {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

type Json = Record<string, unknown>
interface Call {
  request: RestRequest
  project: string
  names: string[]
  json: Json
}
type Handler = (call: Call) => Promise<RestAnswer> | RestAnswer

export class Rest {
  readonly warehouse: Warehouse
  readonly jobs: Jobs
  readonly #requests = new Map<string, RestAnswer>()
  readonly #uploads = new Map<
    string,
    { project: string; job: Json; received: Buffer[]; size: number }
  >()
  readonly #routes: [method: string, pattern: RegExp, handler: Handler][]

  constructor(warehouse: Warehouse) {
    this.warehouse = warehouse
    this.jobs = new Jobs(warehouse)
    const dataset = 'datasets/([^/]+)'
    const table = `${dataset}/tables/([^/]+)`
    const route = (method: string, path: string, handler: Handler): [string, RegExp, Handler] => [
      method,
      new RegExp(`^/projects/([^/]+)/${path}$`),
      handler,
    ]
    this.#routes = [
      route('GET', 'datasets', (call) => this.#listDatasets(call)),
      route('POST', 'datasets', (call) => this.#insertDataset(call)),
      route('GET', dataset, ({ project, names: [id = ''] }) =>
        ok(datasetBody(this.warehouse.dataset(project, id))),
      ),
      route('PATCH', dataset, (call) => this.#patchDataset(call, false)),
      route('PUT', dataset, (call) => this.#patchDataset(call, true)),
      route('DELETE', dataset, async ({ project, names: [id = ''], request }) => {
        await dropDataset(
          this.warehouse,
          project,
          id,
          request.query.get('deleteContents') === 'true',
        )
        return { status: 204 }
      }),
      route('GET', `${dataset}/tables`, (call) => this.#listTables(call)),
      route('POST', `${dataset}/tables`, (call) => this.#insertTable(call)),
      route('GET', table, async ({ project, names: [d = '', t = ''] }) =>
        ok(await this.#tableBody(this.warehouse.table(project, d, t))),
      ),
      route('PATCH', table, (call) => this.#patchTable(call)),
      route('PUT', table, (call) => this.#patchTable(call)),
      route('DELETE', table, async ({ project, names: [d = '', t = ''] }) => {
        await dropTable(this.warehouse, this.warehouse.table(project, d, t))
        return { status: 204 }
      }),
      route('POST', `${table}/insertAll`, async ({ project, names: [d = '', t = ''], json }) =>
        ok(await insertAll(this.warehouse, { projectId: project, datasetId: d, tableId: t }, json)),
      ),
      route('GET', `${table}/data`, (call) => this.#tableData(call)),
      route('GET', `${dataset}/(models|routines)`, ({ names: [, what = ''] }) =>
        ok({ [what]: [] }),
      ),
      route('GET', `${table}/rowAccessPolicies`, () => ok({ rowAccessPolicies: [] })),
      route('GET', 'jobs', (call) => this.#listJobs(call)),
      route('POST', 'jobs', (call) => this.#insertJob(call)),
      route('GET', 'jobs/([^/]+)', ({ project, names: [id = ''] }) => {
        const job = this.jobs.get(project, id)
        return ok(jobBody(job, this.jobs.isRunning(job)))
      }),
      route('POST', 'jobs/([^/]+)/cancel', ({ project, names: [id = ''] }) =>
        ok({ kind: 'bigquery#jobCancelResponse', job: jobBody(this.jobs.get(project, id)) }),
      ),
      route('DELETE', 'jobs/([^/]+)/delete', ({ project, names: [id = ''] }) => {
        this.jobs.forget(project, id)
        return { status: 204 }
      }),
      route('POST', 'queries', (call) => this.#query(call)),
      route('GET', 'queries/([^/]+)', ({ project, names: [id = ''], request }) =>
        this.#queryResults(project, id, request),
      ),
      route('GET', 'serviceAccount', ({ project }) =>
        ok({ kind: 'bigquery#getServiceAccountResponse', email: `bq@${project}.local` }),
      ),
    ]
  }

  async answer(request: RestRequest): Promise<RestAnswer> {
    const upload = /^\/(?:resumable\/)?upload\/bigquery\/v2\/projects\/([^/]+)\/jobs$/.exec(
      request.path,
    )
    if (upload) return this.#upload(decodeURIComponent(upload[1] as string), request)
    const path = request.path.replace(/^\/bigquery\/v2(?=\/)/, '')
    if (path === '/projects' && request.method === 'GET')
      return ok({ kind: 'bigquery#projectList', projects: this.#projects() })
    for (const [method, pattern, handler] of this.#routes) {
      const match = method === request.method ? pattern.exec(path) : null
      if (!match) continue
      const [project = '', ...names] = match.slice(1).map((part) => decodeURIComponent(part))
      return handler({ request, project, names, json: jsonOf(request.body) })
    }
    throw notImplemented(`${request.method} ${request.path}`)
  }

  #projects(): object[] {
    const ids = new Set([...this.warehouse.datasets.values()].map(({ projectId }) => projectId))
    return [...ids].map((id) => ({
      kind: 'bigquery#project',
      id,
      projectReference: { projectId: id },
    }))
  }

  #listDatasets({ project, request }: Call): RestAnswer {
    const all = [...this.warehouse.datasets.values()]
      .filter(({ projectId }) => projectId === project)
      .sort((a, b) => (a.datasetId < b.datasetId ? -1 : 1))
    const { items, nextPageToken } = page(all, request.query)
    return ok({
      kind: 'bigquery#datasetList',
      etag: 'list',
      ...(nextPageToken && { nextPageToken }),
      ...(items.length > 0 && {
        datasets: items.map((each) => ({
          kind: 'bigquery#dataset',
          id: datasetKey(each.projectId, each.datasetId),
          datasetReference: { datasetId: each.datasetId, projectId: each.projectId },
          location: each.settings['location'] ?? 'US',
          ...(each.settings['labels'] !== undefined && { labels: each.settings['labels'] }),
        })),
      }),
    })
  }

  async #insertDataset({ project, json }: Call): Promise<RestAnswer> {
    const { datasetId = '' } = (json['datasetReference'] ?? {}) as { datasetId?: string }
    if (!/^\w{1,1024}$/.test(datasetId))
      throw invalid(
        `Invalid dataset ID "${datasetId}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.`,
      )
    const key = datasetKey(project, datasetId)
    if (this.warehouse.datasets.has(key)) throw duplicate(`Dataset ${key}`)
    const nowMs = this.warehouse.clock.now()
    const dataset: Dataset = {
      projectId: project,
      datasetId,
      createdMs: nowMs,
      modifiedMs: nowMs,
      etag: etagOf(),
      settings: { location: 'US', ...settable(json) },
    }
    await this.warehouse.write((write) => write.put('dataset', key, dataset))
    return ok(datasetBody(dataset))
  }

  async #patchDataset(
    { project, names: [id = ''], json, request }: Call,
    isWhole: boolean,
  ): Promise<RestAnswer> {
    const old = this.warehouse.dataset(project, id)
    checkMatch(request, old.etag)
    const settings = patched(
      isWhole ? { location: old.settings['location'] } : old.settings,
      settable(json),
    )
    const dataset = { ...old, settings, modifiedMs: this.warehouse.clock.now(), etag: etagOf() }
    await this.warehouse.write((write) => write.put('dataset', datasetKey(project, id), dataset))
    return ok(datasetBody(dataset))
  }

  #listTables({ project, names: [id = ''], request }: Call): RestAnswer {
    this.warehouse.dataset(project, id)
    const all = this.warehouse.tablesOf(project, id)
    const { items, nextPageToken } = page(all, request.query)
    const tables = items.map((table) => ({
      kind: 'bigquery#table',
      id: keyOf(table),
      tableReference: referenceOf(table),
      type: table.type,
      creationTime: String(table.createdMs),
      ...(table.timePartitioning && { timePartitioning: table.timePartitioning }),
      ...(table.clustering && { clustering: table.clustering }),
      ...(table.settings['labels'] !== undefined && { labels: table.settings['labels'] }),
      ...(table.view && { view: { useLegacySql: false } }),
    }))
    return ok({
      kind: 'bigquery#tableList',
      etag: 'list',
      totalItems: all.length,
      ...(nextPageToken && { nextPageToken }),
      ...(tables.length > 0 && { tables }),
    })
  }

  async #insertTable({ project, names: [datasetId = ''], json }: Call): Promise<RestAnswer> {
    this.warehouse.dataset(project, datasetId)
    const { tableId = '' } = (json['tableReference'] ?? {}) as { tableId?: string }
    if (!/^[\p{L}\p{M}\p{N}_ -]{1,1024}$/u.test(tableId))
      throw invalid(`Invalid table ID "${tableId}".`)
    const key = tableKey(project, datasetId, tableId)
    if (this.warehouse.tables.has(key)) throw duplicate(`Table ${key}`)
    const view = json['view'] as { query: string } | undefined
    const name = { projectId: project, datasetId, tableId }
    const nowMs = this.warehouse.clock.now()
    const table: Table = view
      ? makeView(this.warehouse, name, { query: view.query }, { projectId: project })
      : {
          ...name,
          id: 0,
          type: 'TABLE',
          fields: readFields((json['schema'] as { fields?: unknown } | undefined)?.fields),
          createdMs: nowMs,
          modifiedMs: nowMs,
          etag: '',
          settings: {},
          ...(json['timePartitioning'] !== undefined && {
            timePartitioning: { type: 'DAY', ...(json['timePartitioning'] as object) },
          }),
          ...(json['rangePartitioning'] !== undefined && {
            rangePartitioning: json['rangePartitioning'] as NonNullable<Table['rangePartitioning']>,
          }),
          ...(json['clustering'] !== undefined && {
            clustering: json['clustering'] as { fields: string[] },
          }),
        }
    table.settings = settable(json)
    table.etag = etagOf()
    checkPartitioning(table)
    await this.warehouse.write(async (write) => {
      if (!view) {
        table.id = await write.nextId()
        await createDuckTable(write, table)
      }
      await write.put('table', key, table)
    })
    return ok(await this.#tableBody(table))
  }

  async #patchTable({
    project,
    names: [d = '', t = ''],
    json,
    request,
  }: Call): Promise<RestAnswer> {
    const old = this.warehouse.table(project, d, t)
    checkMatch(request, old.etag)
    const table = structuredClone(old)
    table.settings = patched(old.settings, settable(json))
    const added = json['schema']
      ? newFields(table, readFields((json['schema'] as { fields?: unknown }).fields))
      : { fields: [], relaxed: [] }
    const view = json['view'] as { query: string } | undefined
    if (view)
      Object.assign(table, {
        view: { query: view.query },
        fields: makeView(this.warehouse, table, { query: view.query }, { projectId: project })
          .fields,
      })
    table.modifiedMs = this.warehouse.clock.now()
    table.etag = etagOf()
    await this.warehouse.write(async (write) => {
      for (const field of added.fields) await write.connection.run(addColumn(table, field))
      for (const name of added.relaxed)
        await write.connection.run(
          `ALTER TABLE ${duckName(table)} ALTER COLUMN ${quoteName(name)} DROP NOT NULL`,
        )
      await write.put('table', keyOf(table), table)
    })
    return ok(await this.#tableBody(table))
  }

  #placeOf({ projectId, datasetId }: Table): unknown {
    return this.warehouse.dataset(projectId, datasetId).settings['location'] ?? 'US'
  }

  async #tableBody(table: Table): Promise<object> {
    return {
      kind: 'bigquery#table',
      etag: table.etag,
      id: keyOf(table),
      selfLink: '',
      tableReference: referenceOf(table),
      schema: { fields: table.fields },
      type: table.type,
      creationTime: String(table.createdMs),
      lastModifiedTime: String(table.modifiedMs),
      location: this.#placeOf(table),
      ...table.settings,
      ...(table.type !== 'VIEW' && {
        numBytes: '0',
        numLongTermBytes: '0',
        numRows: String(await this.warehouse.count(table)),
      }),
      ...(table.view && { view: { query: table.view.query, useLegacySql: false } }),
      ...(table.timePartitioning && { timePartitioning: table.timePartitioning }),
      ...(table.rangePartitioning && { rangePartitioning: table.rangePartitioning }),
      ...(table.clustering && { clustering: table.clustering }),
    }
  }

  async #tableData({ project, names: [d = '', t = ''], request }: Call): Promise<RestAnswer> {
    const table = this.warehouse.table(project, d, t)
    if (table.type === 'VIEW') throw invalid('Cannot list a table of type VIEW.')
    const wanted = request.query
      .get('selectedFields')
      ?.split(',')
      .map((name) => name.toLowerCase())
    const fields = wanted
      ? table.fields.filter(({ name }) => wanted.includes(name.toLowerCase()))
      : table.fields
    const total = await this.warehouse.count(table)
    const start = startOf(request.query)
    const limit = Math.min(limitOf(request.query) ?? 10_000, 10_000)
    const sql = `SELECT ${fields.map(({ name }) => quoteName(name)).join(', ') || 'NULL'} FROM ${duckName(table)} LIMIT ${limit} OFFSET ${start}`
    const rows = await this.warehouse.read((connection) =>
      readRows(connection, sql, fields.map(typeOfField)),
    )
    const next = start + rows.length
    return ok({
      kind: 'bigquery#tableDataList',
      etag: table.etag,
      totalRows: String(total),
      ...(next < total && { pageToken: tokenOf(next) }),
      ...(rows.length > 0 && { rows: rowBodies(rows, fields, request.query) }),
    })
  }

  #listJobs({ project, request }: Call): RestAnswer {
    const states = request.query.getAll('stateFilter').map((state) => state.toUpperCase())
    const stateOf = (job: Job) => (this.jobs.isRunning(job) ? 'RUNNING' : 'DONE')
    const all = this.jobs.list(project)
    const wanted = states.length > 0 ? all.filter((job) => states.includes(stateOf(job))) : all
    const { items, nextPageToken } = page(wanted, request.query)
    const jobs = items.map((job) => {
      const body = jobBody(job, this.jobs.isRunning(job)) as Json
      return { ...body, kind: 'bigquery#job', state: stateOf(job) }
    })
    return ok({
      kind: 'bigquery#jobList',
      etag: 'list',
      ...(nextPageToken && { nextPageToken }),
      jobs,
    })
  }

  async #insertJob({ project, json }: Call): Promise<RestAnswer> {
    const job = await this.jobs.run(
      project,
      (json['configuration'] ?? {}) as JobConfig,
      json['jobReference'] ?? {},
    )
    return ok(jobBody(job))
  }

  async #query({ project, json, request }: Call): Promise<RestAnswer> {
    const requestId = json['requestId'] as string | undefined
    const known = requestId === undefined ? undefined : this.#requests.get(requestId)
    if (known) return known
    if (typeof json['query'] !== 'string') throw invalid('Required parameter is missing: query')
    const {
      query,
      defaultDataset,
      queryParameters,
      parameterMode,
      dryRun,
      labels,
      useLegacySql,
      connectionProperties,
    } = json
    const config = {
      query: {
        query,
        defaultDataset,
        queryParameters,
        parameterMode,
        useLegacySql,
        connectionProperties,
      },
      ...(dryRun === true && { dryRun }),
      ...(labels !== undefined && { labels }),
    } as unknown as JobConfig
    const job = await this.jobs.run(project, config, {
      ...(json['location'] !== undefined && { location: asText(json['location']) }),
    })
    if (job.error) throw failureOf(job)
    const given = new URLSearchParams(request.query)
    if (json['maxResults'] !== undefined) given.set('maxResults', asText(json['maxResults']))
    const format = json['formatOptions'] as { useInt64Timestamp?: boolean } | undefined
    if (format?.useInt64Timestamp) given.set('formatOptions.useInt64Timestamp', 'true')
    const answer = ok(this.#resultBody(job, given, 'bigquery#queryResponse'))
    if (requestId !== undefined) {
      this.#requests.set(requestId, answer)
      for (const [old] of this.#requests) {
        if (this.#requests.size <= 100) break
        this.#requests.delete(old)
      }
    }
    return answer
  }

  #queryResults(project: string, id: string, request: RestRequest): RestAnswer {
    const job = this.jobs.get(project, id)
    if (job.error) throw failureOf(job)
    return ok(this.#resultBody(job, request.query, 'bigquery#getQueryResultsResponse'))
  }

  #resultBody(job: Job, query: URLSearchParams, kind: string): object {
    const { fields, rows: shown } = this.jobs.result(job)
    const statistics = (job.statistics['query'] ?? {}) as Json
    const start = startOf(query)
    const limit = limitOf(query) ?? 50_000
    const slice = shown.slice(start, start + limit)
    const next = start + slice.length
    const isDryRun = job.config.dryRun === true
    const isDml = statistics['numDmlAffectedRows'] !== undefined
    return {
      kind,
      ...(kind.includes('get') && { etag: job.jobId }),
      schema: { fields: isDml && !isDryRun ? [] : fields },
      jobReference: {
        projectId: job.projectId,
        ...(!isDryRun && { jobId: job.jobId }),
        location: job.location,
      },
      ...(!isDml && { totalRows: String(shown.length) }),
      ...(next < shown.length && { pageToken: tokenOf(next) }),
      ...(slice.length > 0 && { rows: rowBodies(slice, fields, query) }),
      totalBytesProcessed: '0',
      jobComplete: true,
      cacheHit: false,
      ...(isDml && { numDmlAffectedRows: statistics['numDmlAffectedRows'] }),
      ...(statistics['dmlStats'] !== undefined && { dmlStats: statistics['dmlStats'] }),
      ...(statistics['ddlOperationPerformed'] !== undefined && {
        ddlOperationPerformed: statistics['ddlOperationPerformed'],
        ddlTargetTable: statistics['ddlTargetTable'],
      }),
    }
  }

  async #upload(project: string, request: RestRequest): Promise<RestAnswer> {
    const type = request.query.get('uploadType')
    const id = request.query.get('upload_id')
    if (id !== null) return this.#resume(id, request)
    if (type === 'multipart') {
      const [job, file] = multipart(String(request.headers['content-type'] ?? ''), request.body)
      return this.#runUpload(project, jsonOf(job), file)
    }
    if (type !== 'resumable') throw invalid(`Unknown upload type "${type ?? ''}"`)
    const uploadId = randomUUID()
    this.#uploads.set(uploadId, { project, job: jsonOf(request.body), received: [], size: 0 })
    const location = `${request.origin}/upload/bigquery/v2/projects/${project}/jobs?uploadType=resumable&upload_id=${uploadId}`
    return { status: 200, headers: { location, 'x-guploader-uploadid': uploadId } }
  }

  async #resume(id: string, request: RestRequest): Promise<RestAnswer> {
    const upload = this.#uploads.get(id)
    if (!upload) throw notFound(`Upload ${id}`)
    const range = String(request.headers['content-range'] ?? '')
    const [, from, , total] = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(range) ?? []
    if (from !== undefined && Number(from) !== upload.size)
      throw invalid(`This upload holds ${upload.size} bytes, not ${from}`)
    if (range === '' || from !== undefined) {
      upload.received.push(request.body)
      upload.size += request.body.length
    }
    const isWhole =
      range === '' || (total !== undefined && total !== '*' && Number(total) === upload.size)
    if (!isWhole)
      return {
        status: 308,
        headers: upload.size > 0 ? { range: `bytes=0-${upload.size - 1}` } : {},
      }
    this.#uploads.delete(id)
    return this.#runUpload(upload.project, upload.job, Buffer.concat(upload.received))
  }

  async #runUpload(project: string, json: Json, file: Buffer): Promise<RestAnswer> {
    const config = json['configuration'] as JobConfig | undefined
    if (!config?.load)
      throw invalid(
        'Job configuration must contain exactly one job-specific configuration object (e.g., query, load, extract, spark), but there were 0',
      )
    const job = await this.jobs.run(project, config, json['jobReference'] ?? {}, file)
    return ok(jobBody(job))
  }
}

const ok = (body: unknown): RestAnswer => ({ status: 200, body })
const etagOf = (): string => randomUUID().replaceAll('-', '')
const failureOf = ({ error }: Job): Refused =>
  new Refused(error?.code ?? 400, error?.reason ?? 'invalid', error?.message ?? '', error?.location)
const referenceOf = ({ projectId, datasetId, tableId }: Table): object => ({
  projectId,
  datasetId,
  tableId,
})

function jsonOf(body: Buffer): Json {
  if (body.length === 0) return {}
  try {
    return JSON.parse(body.toString('utf8')) as Json
  } catch {
    throw new Refused(400, 'parseError', 'Parse Error')
  }
}

function checkMatch({ headers }: RestRequest, etag: string): void {
  const wanted = headers['if-match']
  if (wanted !== undefined && wanted !== '*' && wanted !== etag)
    throw new Refused(412, 'conditionNotMet', 'Precondition check failed.', 'If-Match')
}

const settableNames = [
  'friendlyName',
  'description',
  'labels',
  'location',
  'access',
  'defaultTableExpirationMs',
  'defaultPartitionExpirationMs',
  'expirationTime',
  'requirePartitionFilter',
  'defaultCollation',
  'maxTimeTravelHours',
  'isCaseInsensitive',
  'storageBillingModel',
  'resourceTags',
  'tableConstraints',
]

const settable = (json: Json): Json =>
  Object.fromEntries(Object.entries(json).filter(([name]) => settableNames.includes(name)))

/** null takes a value away; labels are merged one by one. */
function patched(old: Json, given: Json): Json {
  const result = { ...old }
  for (const [name, value] of Object.entries(given)) {
    if (value === null) delete result[name]
    else if (name === 'labels') {
      const labels = { ...(old['labels'] as Json | undefined), ...(value as Json) }
      result[name] = Object.fromEntries(Object.entries(labels).filter(([, each]) => each !== null))
    } else result[name] = value
  }
  return result
}

function newFields(table: Table, given: Field[]): { fields: Field[]; relaxed: string[] } {
  const added: Field[] = []
  const relaxed: string[] = []
  const find = (fields: readonly Field[], name: string): Field | undefined =>
    fields.find((field) => field.name.toLowerCase() === name.toLowerCase())
  for (const old of table.fields) {
    if (!find(given, old.name))
      throw invalid(
        `Provided Schema does not match Table ${keyOf(table)}. Field ${old.name} is missing in new schema`,
      )
  }
  for (const field of given) {
    const old = find(table.fields, field.name)
    if (!old) {
      if (field.mode === 'REQUIRED')
        throw invalid(
          `Provided Schema does not match Table ${keyOf(table)}. Cannot add required fields to an existing schema. (field: ${field.name})`,
        )
      added.push(field)
      table.fields.push(field)
    } else {
      if (old.type !== field.type)
        throw invalid(
          `Provided Schema does not match Table ${keyOf(table)}. Field ${field.name} has changed type from ${old.type} to ${field.type}`,
        )
      if (
        JSON.stringify(old.fields?.map(({ name, type }) => [name, type])) !==
        JSON.stringify(field.fields?.map(({ name, type }) => [name, type]))
      )
        throw notImplemented('a change of fields inside a RECORD')
      if (old.mode !== field.mode) {
        if (old.mode !== 'REQUIRED' || field.mode !== 'NULLABLE')
          throw invalid(
            `Provided Schema does not match Table ${keyOf(table)}. Field ${field.name} has changed mode from ${old.mode} to ${field.mode}`,
          )
        relaxed.push(old.name)
      }
      Object.assign(old, field, { name: old.name })
    }
  }
  return { fields: added, relaxed }
}

const tokenOf = (position: number): string => Buffer.from(`from:${position}`).toString('base64url')

function startOf(query: URLSearchParams): number {
  const token = query.get('pageToken')
  if (token === null || token === '') return Number(query.get('startIndex') ?? 0)
  const position = /^from:(\d+)$/.exec(Buffer.from(token, 'base64url').toString())?.[1]
  if (position === undefined) throw invalid('Invalid page token')
  return Number(position)
}

function limitOf(query: URLSearchParams): number | undefined {
  const text = query.get('maxResults')
  if (text === null) return undefined
  if (!/^\d+$/.test(text)) throw invalid(`Invalid value for maxResults: ${text}`)
  return Number(text)
}

function page<T>(
  all: readonly T[],
  query: URLSearchParams,
): { items: T[]; nextPageToken: string | undefined } {
  const start = startOf(query)
  const items = all.slice(start, start + (limitOf(query) || 1000))
  const next = start + items.length
  return { items, nextPageToken: next < all.length ? tokenOf(next) : undefined }
}

function rowBodies(
  rows: readonly Cell[][],
  fields: readonly Field[],
  query: URLSearchParams,
): object[] {
  const asInt64 = query.get('formatOptions.useInt64Timestamp') === 'true'
  const types = fields.map(typeOfField)
  return rows.map((row) => ({
    f: row.map((cell, i) => ({
      v: withTimestamps(cell, types[i] as (typeof types)[number], asInt64),
    })),
  }))
}

function datasetBody({
  projectId,
  datasetId,
  createdMs,
  modifiedMs,
  etag,
  settings,
}: Dataset): object {
  return {
    kind: 'bigquery#dataset',
    etag,
    id: datasetKey(projectId, datasetId),
    selfLink: '',
    datasetReference: { datasetId, projectId },
    creationTime: String(createdMs),
    lastModifiedTime: String(modifiedMs),
    type: 'DEFAULT',
    maxTimeTravelHours: '168',
    ...settings,
  }
}

function jobBody(job: Job, isRunning = false): object {
  const { projectId, jobId, location, config, createdMs, endedMs, error, statistics } = job
  const isDryRun = config.dryRun === true
  return {
    kind: 'bigquery#job',
    etag: jobId,
    id: `${projectId}:${location}.${isDryRun ? '' : jobId}`,
    selfLink: '',
    user_email: 'local@slipway',
    jobReference: { projectId, ...(!isDryRun && { jobId }), location },
    configuration: config,
    status: {
      state: isRunning ? 'RUNNING' : 'DONE',
      ...(error && {
        errorResult: {
          reason: error.reason,
          message: error.message,
          ...(error.location !== undefined && { location: error.location }),
        },
        errors: [{ reason: error.reason, message: error.message }],
      }),
    },
    statistics: {
      creationTime: String(createdMs),
      startTime: String(createdMs),
      endTime: String(endedMs),
      ...statistics,
    },
  }
}

/** The two parts of multipart/related: the job as JSON, and the file. */
function multipart(contentType: string, body: Buffer): [Buffer, Buffer] {
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1]
  if (boundary === undefined) throw invalid('The request is no multipart/related')
  const mark = Buffer.from(`--${boundary}`)
  const parts: Buffer[] = []
  let at = body.indexOf(mark)
  while (at >= 0) {
    const start = at + mark.length
    const next = body.indexOf(mark, start)
    if (next < 0) break
    const part = body.subarray(start, next)
    const isCrLf = part.indexOf('\r\n\r\n')
    const bare = part.indexOf('\n\n')
    const headEnd = isCrLf >= 0 ? isCrLf + 4 : bare + 2
    const tail = part.at(-2) === 0x0d ? 2 : 1
    parts.push(part.subarray(headEnd, part.length - tail))
    at = next
  }
  const [job, file] = parts
  if (!job || !file) throw invalid('The request has not two parts')
  return [job, file]
}
