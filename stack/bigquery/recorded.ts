// Replays requests that were recorded from the real BigQuery, with what it answered, and sorts the answers: right,
// refused (a clear error where BigQuery answers), wrong (differs and does not say so), other error.

import { asText } from './schema.ts'

export interface RecordedCase {
  name: string
  category: string
  files: Record<string, string>
}

export type Verdict = { outcome: 'right' | 'refused' | 'wrong' | 'otherError'; reason: string }

type Json = Record<string, unknown>
interface RecordedField {
  name: string
  type: string
}

const project = 'test'

export async function judge(address: string, recorded: RecordedCase, n: number): Promise<Verdict> {
  const datasetId = `recorded_${n}`
  const names: Record<string, string> = {
    PROJECT: project,
    DATASET_ID: datasetId,
    DATASET: `${project}.${datasetId}`,
  }
  const text = (file: string): string =>
    (recorded.files[file] ?? '').replace(/\$\{(\w+)\}/g, (all, name: string) => names[name] ?? all)
  const post = (path: string, body: unknown): Promise<{ status: number; body: Json }> =>
    call(address, 'POST', path, body)
  await post('datasets', { datasetReference: { datasetId } })
  if (recorded.files['setup.sql'] !== undefined) {
    const setup = await post('queries', { query: text('setup.sql'), useLegacySql: false })
    if (setup.status >= 400)
      return { outcome: 'refused', reason: `setup: ${messageOf(setup.body)}` }
  }
  // Python wrote numbers that JSON does not know.
  const expected = JSON.parse(
    (recorded.files['expected.json'] as string).replace(/: (-?Infinity|NaN)/g, ': "$1"'),
  ) as Json
  const configuration = jobConfig(
    text('query.sql'),
    text('job_config.json'),
    text('parameters.json'),
  )
  const job = await post('jobs', { configuration })
  const error =
    job.status >= 400
      ? (job.body['error'] as { errors: { reason: string }[]; message: string })
      : undefined
  const failed = ((job.body['status'] as Json | undefined)?.['errorResult'] ?? undefined) as
    | { reason: string; message: string }
    | undefined
  const wanted = expected['error'] as { reason: string; message_sample: string } | undefined
  const problem = error ? { reason: error.errors[0]?.reason, message: error.message } : failed
  if (problem) {
    if (!wanted) return { outcome: 'refused', reason: problem.message }
    return wanted.reason === problem.reason
      ? { outcome: 'right', reason: '' }
      : {
          outcome: 'otherError',
          reason: `${problem.reason}, recorded ${wanted.reason}: ${problem.message}`,
        }
  }
  if (wanted)
    return { outcome: 'wrong', reason: `accepted; BigQuery says ${wanted.message_sample}` }
  return compare(address, job.body, expected, /\bORDER\s+BY\b(?!.*\))/is.test(text('query.sql')))
}

async function compare(
  address: string,
  job: Json,
  expected: Json,
  isOrdered: boolean,
): Promise<Verdict> {
  const { jobId } = job['jobReference'] as { jobId?: string }
  const statistics = (job['statistics'] as Json)['query'] as Json
  const answer =
    jobId === undefined
      ? undefined
      : await call(address, 'GET', `queries/${jobId}?formatOptions.useInt64Timestamp=true`)
  const fields = (
    (answer?.body['schema'] ?? statistics['schema'] ?? { fields: [] }) as {
      fields: RecordedField[]
    }
  ).fields
  const wrong = (reason: string): Verdict => ({ outcome: 'wrong', reason })
  const wantedFields = expected['schema'] as RecordedField[]
  const shape = (list: readonly RecordedField[]): string =>
    JSON.stringify(list.map(({ name, type }) => [name, sameTypes[type] ?? type]))
  if (shape(fields) !== shape(wantedFields))
    return wrong(`columns ${shape(fields)}, recorded ${shape(wantedFields)}`)
  const wantedCount = (expected['job_metadata'] as Json | null | undefined)?.[
    'num_dml_affected_rows'
  ]
  if (wantedCount !== undefined && Number(statistics['numDmlAffectedRows']) !== wantedCount)
    return wrong(
      `${String(statistics['numDmlAffectedRows'])} rows affected, recorded ${asText(wantedCount)}`,
    )
  const rows = ((answer?.body['rows'] ?? []) as { f: { v: unknown }[] }[]).map((row) =>
    row.f.map(({ v }, i) => plain(v, fields[i] as RecordedField & Json)),
  )
  const left = [...rows]
  for (const row of expected['rows'] as Json[]) {
    const wantedRow = wantedFields.map(({ name }) => row[name])
    const found = (isOrdered ? left.slice(0, 1) : left).findIndex((other) =>
      wantedRow.every((value, i) => same(value, other[i], wantedFields[i]?.type)),
    )
    if (found < 0)
      return wrong(`row ${JSON.stringify(wantedRow)} not in ${JSON.stringify(left.slice(0, 3))}`)
    left.splice(found, 1)
  }
  return left.length > 0
    ? wrong(`rows too many: ${JSON.stringify(left.slice(0, 3))}`)
    : { outcome: 'right', reason: '' }
}

const sameTypes: Record<string, string> = {
  INT64: 'INTEGER',
  FLOAT64: 'FLOAT',
  BOOL: 'BOOLEAN',
  STRUCT: 'RECORD',
  DECIMAL: 'NUMERIC',
}

/** A cell as the Python client, which recorded the answers, shows it. */
function plain(v: unknown, field: RecordedField & Json): unknown {
  if (v === null) return null
  if (field['mode'] === 'REPEATED')
    return (v as { v: unknown }[]).map((item) => plain(item.v, { ...field, mode: 'NULLABLE' }))
  switch (field.type) {
    case 'RECORD':
      return Object.fromEntries(
        (field['fields'] as (RecordedField & Json)[]).map((inner, i) => [
          inner.name,
          plain((v as { f: { v: unknown }[] }).f[i]?.v, inner),
        ]),
      )
    case 'BOOLEAN':
      return v === 'true'
    case 'INTEGER':
    case 'FLOAT':
      return Number(v)
    case 'TIMESTAMP':
      return { micros: asText(v) }
    default:
      return v
  }
}

function same(expected: unknown, got: unknown, type?: string): boolean {
  if (expected === null || expected === undefined || got === null || got === undefined)
    return (expected ?? null) === (got ?? null)
  if (type === 'JSON')
    return JSON.stringify(sorted(asJson(expected))) === JSON.stringify(sorted(asJson(got)))
  if (Array.isArray(got))
    return (
      Array.isArray(expected) &&
      expected.length === got.length &&
      got.every((item, i) => same(expected[i], item))
    )
  if (typeof got === 'object' && 'micros' in got)
    return microsOf(asText(expected)) === (got as { micros: string }).micros
  if (typeof got === 'object') {
    const other = expected as Json
    return (
      Object.keys(got).length === Object.keys(other).length &&
      Object.entries(got).every(([name, value]) => same(other[name], value))
    )
  }
  if (typeof got === 'boolean') return expected === got
  if (typeof got === 'number') {
    const wanted = Number(
      { inf: 'Infinity', '-inf': '-Infinity', nan: 'NaN' }[expected as string] ?? expected,
    )
    return (
      Object.is(wanted, got) ||
      wanted === got ||
      (Number.isNaN(wanted) && Number.isNaN(got)) ||
      Math.abs(wanted - got) <= Math.max(1e-15, 1e-9 * Math.abs(wanted))
    )
  }
  if (typeof expected === 'number') return expected === Number(got)
  const bare = (text: string): string =>
    /^-?\d+\.\d*0+$/.test(text) ? text.replace(/\.?0+$/, '') : text
  return (
    asText(expected) === got ||
    (type === 'NUMERIC' || type === 'BIGNUMERIC'
      ? bare(asText(expected)) === bare(asText(got))
      : false)
  )
}

function microsOf(text: string): string {
  const [, base = '', fraction = ''] = /^(.*?)(?:\.(\d+))?(?:\+00:00|Z)$/.exec(text) ?? [
    undefined,
    text,
  ]
  return String(
    BigInt(Date.parse(`${base}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6)),
  )
}

const asJson = (value: unknown): unknown => {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, sorted(each)]),
  )
}

async function call(
  address: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Json }> {
  const answer = await fetch(`http://${address}/bigquery/v2/projects/${project}/${path}`, {
    method,
    ...(body !== undefined && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
  })
  return { status: answer.status, body: (await answer.json()) as Json }
}

const messageOf = (body: Json): string => (body['error'] as { message: string }).message

function jobConfig(query: string, given: string, parameters: string): Json {
  const {
    dry_run: dryRun,
    labels,
    job_timeout_ms: jobTimeoutMs,
    ...rest
  } = (given === '' ? {} : JSON.parse(given)) as Json
  const config: Json = { query, useLegacySql: false }
  for (const [key, value] of Object.entries(rest)) {
    const name = key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    if (key === 'destination') config['destinationTable'] = reference(asText(value))
    else if (key === 'default_dataset')
      config['defaultDataset'] = {
        projectId: asText(value).split('.')[0],
        datasetId: asText(value).split('.')[1],
      }
    else config[name] = value
  }
  if (parameters !== '') {
    const { mode, parameters: list } = JSON.parse(parameters) as {
      mode: string
      parameters: Json[]
    }
    config['parameterMode'] = mode.toUpperCase()
    config['queryParameters'] = list.map(({ name, type, value, ...more }) => {
      const parameterType = parameterTypeOf(type, more)
      return {
        ...(name !== undefined && { name }),
        parameterType,
        parameterValue: parameterValueOf(parameterType, value),
      }
    })
  }
  return {
    query: config,
    ...(dryRun !== undefined && { dryRun }),
    ...(labels !== undefined && { labels }),
    ...(jobTimeoutMs !== undefined && { jobTimeoutMs: asText(jobTimeoutMs) }),
  }
}

function reference(text: string): Json {
  const [projectId, datasetId, tableId] = text.split('.')
  return { projectId, datasetId, tableId }
}

function parameterTypeOf(given: unknown, more: Json = {}): Json {
  const type = typeof given === 'string' ? { ...more, type: given } : (given as Json)
  if (type['type'] === 'ARRAY')
    return {
      type: 'ARRAY',
      arrayType: parameterTypeOf(type['arrayType'] ?? type['array_type'] ?? type['element_type']),
    }
  if (type['type'] === 'STRUCT')
    return {
      type: 'STRUCT',
      structTypes: (type['structTypes'] as Json[]).map((part) => ({
        name: part['name'],
        type: parameterTypeOf(part['type']),
      })),
    }
  return { type: type['type'] }
}

function parameterValueOf(type: Json, value: unknown): Json {
  if (value === null) return { value: null }
  if (type['type'] === 'ARRAY')
    return {
      arrayValues: (value as unknown[]).map((item) =>
        parameterValueOf(type['arrayType'] as Json, item),
      ),
    }
  if (type['type'] === 'STRUCT') {
    const types = Object.fromEntries(
      (type['structTypes'] as { name: string; type: Json }[]).map((part) => [part.name, part.type]),
    )
    return {
      structValues: Object.fromEntries(
        Object.entries(value as Json).map(([name, item]) => [
          name,
          parameterValueOf(types[name] as Json, item),
        ]),
      ),
    }
  }
  return { value: asText(value) }
}
