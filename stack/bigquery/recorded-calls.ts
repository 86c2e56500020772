// Replays requests over HTTP and gRPC that were recorded from the real BigQuery. What was recorded must be there; `<*>` stands
// for anything, and further fields do not matter, as they do not to clients.

import { createRequire } from 'node:module'
import { Client, credentials, status as grpcStatus } from '@grpc/grpc-js'
import type { MethodDefinition, ServiceDefinition, ServiceError } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import type { RecordedCase, Verdict } from './recorded.ts'
import { asText } from './schema.ts'

type Json = Record<string, unknown>
type Names = Record<string, string>

interface Request {
  method: string
  path: string
  headers?: Record<string, string>
  body?: unknown
  body_bin?: string
  /** Of the answer, for the requests that follow. */
  capture?: Record<string, string>
}

interface Answer {
  status: number
  headers: Headers
  body: unknown
}

export interface Place {
  /** host:port */
  rest: string
  storage: string
  project: string
  datasetId: string
}

/** A dataset of its own, with what the case expects to be there. */
async function prepare(place: Place, recorded: RecordedCase): Promise<Names> {
  const names = {
    PROJECT: place.project,
    DATASET_ID: place.datasetId,
    DATASET: `${place.project}.${place.datasetId}`,
    // Where it was recorded.
    GCS_BUCKET: 'test-webhook-bucket/bqemu-conformance',
  }
  const path = `/bigquery/v2/projects/${place.project}`
  const { datasetId } = place
  const dataset = { datasetReference: { datasetId } }
  await send(
    place,
    { method: 'POST', path: `${path}/datasets`, body: dataset },
    { recorded, names },
  )
  const query = filled(recorded.files['setup.sql'] ?? '', names)
  if (query === '') return names
  const request = { method: 'POST', path: `${path}/queries`, body: { query, useLegacySql: false } }
  const answer = await send(place, request, { recorded, names })
  if (answer.status >= 400) throw new Error(`setup: ${JSON.stringify(answer.body)}`)
  return names
}

export async function judgeRequest(place: Place, recorded: RecordedCase): Promise<Verdict> {
  const names = await prepare(place, recorded)
  const given = { recorded, names }
  for (const request of listIn<Request>(recorded.files['setup_requests.json'])) {
    const answer = await send(place, request, given)
    if (answer.status >= 400)
      return { outcome: 'refused', reason: `setup: ${JSON.stringify(answer.body)}` }
    for (const [name, path] of Object.entries(request.capture ?? {}))
      names[name] = path.startsWith('header:')
        ? (answer.headers.get(path.slice('header:'.length)) ?? '')
        : asText(at(answer.body, path) ?? '')
  }
  const request = JSON.parse(recorded.files['request.json'] as string) as Request
  const wanted = JSON.parse(recorded.files['expected_response.json'] as string) as {
    http_status: number
    headers?: Record<string, string>
    body: unknown
  }
  const answer = await send(place, request, given)
  const difference =
    answer.status === wanted.http_status
      ? differenceOf(wanted.body, answer.body, 'body')
      : `status ${answer.status}, recorded ${wanted.http_status}`
  if (difference === undefined) return { outcome: 'right', reason: '' }
  const [fails, failed] = [wanted.http_status >= 400, answer.status >= 400]
  const outcome = failed ? (fails ? 'otherError' : 'refused') : 'wrong'
  return { outcome, reason: `${difference}: ${JSON.stringify(answer.body).slice(0, 300)}` }
}

async function send(
  { rest }: Place,
  { method, path, headers = {}, body, body_bin }: Request,
  { recorded, names }: { recorded: RecordedCase; names: Names },
): Promise<Answer> {
  const text = body_bin === undefined ? JSON.stringify(body) : recorded.files[body_bin]
  const isJson = body !== undefined && headers['Content-Type'] === undefined
  const response = await fetch(`http://${rest}${filled(path, names)}`, {
    method,
    headers: { ...headers, ...(isJson && { 'content-type': 'application/json' }) },
    ...(text !== undefined && { body: filled(text, names) }),
  })
  const said = await response.text()
  return { status: response.status, headers: response.headers, body: readable(said) }
}

interface Call {
  method: string
  request: Json
  capture?: Record<string, string>
}

interface CallAnswer {
  method: string
  status: string
  error_message?: string
  response?: Json
}

export async function judgeCalls(place: Place, recorded: RecordedCase): Promise<Verdict> {
  const names = await prepare(place, recorded)
  const { calls } = JSON.parse(recorded.files['request.json'] as string) as { calls: Call[] }
  const wanted = JSON.parse(recorded.files['expected_response.json'] as string) as {
    calls: CallAnswer[]
  }
  const client = new Client(place.storage, credentials.createInsecure())
  try {
    for (const [i, call] of calls.entries()) {
      const expected = wanted.calls[i] as CallAnswer
      const request = JSON.parse(filled(JSON.stringify(call.request), names)) as Json
      const { status, message, response } = await invoke(client, call.method, request)
      if (status !== expected.status) {
        const outcome =
          status === 'OK' ? 'wrong' : expected.status === 'OK' ? 'refused' : 'otherError'
        return {
          outcome,
          reason: `${call.method} ${status}, recorded ${expected.status}: ${message}`,
        }
      }
      const text = filled(JSON.stringify(expected), names)
      const { response: fields, error_message: words } = JSON.parse(text) as CallAnswer
      const difference =
        differenceOf(fields, response, call.method) ?? differenceOf(words, message, call.method)
      if (difference !== undefined)
        return { outcome: status === 'OK' ? 'wrong' : 'otherError', reason: difference }
      for (const [name, path] of Object.entries(call.capture ?? {}))
        names[name] = asText(at(response, path) ?? '')
    }
    return { outcome: 'right', reason: '' }
  } finally {
    client.close()
  }
}

const require = createRequire(import.meta.url)
const settings = { longs: String, enums: String, defaults: true, arrays: true }

function invoke(
  client: Client,
  method: string,
  request: Json,
): Promise<{ status: string; message?: string; response?: Json }> {
  const [service, name] = method.split('.') as [string, string]
  const json = require('@google-cloud/bigquery-storage/build/protos/protos.json') as Parameters<
    typeof fromJSON
  >[0]
  const services = fromJSON(json, settings)
  const definition = services[`google.cloud.bigquery.storage.v1.${service}`] as ServiceDefinition
  const { path, requestSerialize, responseDeserialize, responseStream } = definition[
    name
  ] as MethodDefinition<object, object>
  const failed = ({ code, details }: ServiceError) => ({
    status: grpcStatus[code],
    message: details,
  })
  return new Promise((resolve) => {
    if (responseStream) {
      const call = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        bare(request) as object,
      )
      call.on('data', () => {})
      call.on('error', (error: ServiceError) => resolve(failed(error)))
      call.on('end', () => resolve({ status: 'OK' }))
      return
    }
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bare(request) as object,
      (error, response) =>
        resolve(error ? failed(error) : { status: 'OK', response: response as Json }),
    )
  })
}

/** Names as Python's library has them, `write_stream` and `type_`, to those of the description that is read here. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bare)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([name, each]) => [nameOf(name), bare(each)]))
}

const nameOf = (name: string): string =>
  name.replace(/_$/, '').replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

function differenceOf(wanted: unknown, got: unknown, path: string): string | undefined {
  if (wanted === '<*>' || wanted === undefined) return undefined
  if (Array.isArray(wanted) && Array.isArray(got) && wanted.length === got.length)
    return firstOf(wanted.map((each, i) => differenceOf(each, got[i], `${path}[${i}]`)))
  if (isObject(wanted) && isObject(got))
    return firstOf(
      Object.entries(wanted).map(([name, each]) =>
        differenceOf(each, name in got ? got[name] : got[nameOf(name)], `${path}.${name}`),
      ),
    )
  if (wanted === got) return undefined
  return `${path} is ${JSON.stringify(got)}, recorded ${JSON.stringify(wanted)}`
}

const firstOf = (found: readonly (string | undefined)[]): string | undefined =>
  found.find((each) => each !== undefined)

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function at(value: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((found, name) => (found as Json | undefined)?.[name], value)
}

const filled = (text: string, names: Names): string =>
  text.replace(/\$\{(\w+)\}/g, (all, name: string) => names[name] ?? all)

const listIn = <T>(text: string | undefined): T[] =>
  text === undefined ? [] : (JSON.parse(text) as T[])

function readable(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
