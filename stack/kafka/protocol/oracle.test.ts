// The message table against two clients that others wrote. What they send is read by our table; what our table answers
// is read by them. Fields are compared by name for requests, by their order on the wire for answers.

import { createRequire } from 'node:module'
import * as platformatic from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import type { Api } from './api.ts'
import { apiTable } from './messages/index.ts'
import type { OracleRequest } from './oracle-requests.ts'
import { oracleRequests } from './oracle-requests.ts'
import { Reader } from './reader.ts'
import { sampleValue } from './sample-message.ts'
import type { Shape } from './types.ts'
import { Writer } from './writer.ts'

type AnyApi = Api<unknown, unknown>

interface KafkajsRequest {
  versions: string[]
  protocol(options: { version: number }): (args: unknown) => {
    request: { encode(): Promise<{ buffer: Buffer }> }
    response: { decode(bytes: Buffer): Promise<unknown> }
  }
}

// kafkajs has no types for its inner files.
const kafkajs = (
  createRequire(import.meta.url)('kafkajs/src/protocol/requests') as {
    requests: Record<string, KafkajsRequest | undefined>
  }
).requests

type CreateRequest = () => { buffer: Buffer }
type ParseResponse = (id: number, key: number, version: number, reader: unknown) => unknown

interface PlatformaticApi {
  (connection: { send(...args: unknown[]): void }, ...args: unknown[]): void
}

/** What an API function of the client would send by a connection, and how it would read the answer. */
function platformaticOf(api: AnyApi, version: number, args: unknown[]) {
  const name = `${api.name.charAt(0).toLowerCase()}${api.name.slice(1)}V${version}`
  const module = (platformatic as unknown as Record<string, { api: PlatformaticApi } | undefined>)[
    name
  ]
  let sent: { create: CreateRequest; parse: ParseResponse } | undefined
  const send = (_key: unknown, _version: unknown, create: unknown, parse: unknown) => {
    sent = { create: create as CreateRequest, parse: parse as ParseResponse }
  }
  module?.api({ send }, ...args)
  return sent
}

const everyVersion = apiTable.flatMap((api) =>
  Array.from({ length: api.to - api.from + 1 }, (_, i) => ({ api, version: api.from + i })).map(
    ({ api, version }) => ({ name: `${api.name} ${version}`, api, version }),
  ),
)
const inKafkajs = everyVersion.filter(({ api, version }) =>
  kafkajs[api.name]?.versions?.includes(String(version)),
)
const inPlatformatic = everyVersion.filter(({ api, version }) => platformaticOf(api, version, []))

test('the clients know enough of the table to be a measure', () => {
  expect(inKafkajs.length).toBeGreaterThan(70)
  expect(inPlatformatic.length).toBeGreaterThan(130)
})

describe('what kafkajs sends', () => {
  const cases = inKafkajs.filter(({ api }) => oracleRequests[api.name]?.kafkajs !== undefined)
  test.each(cases)('$name is read as it was meant', async ({ api, version }) => {
    const oracle = oracleRequests[api.name] as OracleRequest
    const { request } = (kafkajs[api.name] as KafkajsRequest).protocol({ version })(oracle.kafkajs)
    const { buffer } = await request.encode()
    // The tagged fields of the request header are part of what kafkajs calls the body.
    const body = version >= api.flexibleFrom ? buffer.subarray(1) : buffer
    const { read, left } = readBody(api, version, body)
    expect(left).toBe(0)
    expect(read).toMatchObject(fieldsIn(api, version, oracle, oracle.filledInByKafkajs))
  })
})

describe('what @platformatic/kafka sends', () => {
  const cases = inPlatformatic.filter(
    ({ api }) => oracleRequests[api.name]?.platformatic !== undefined,
  )
  test.each(cases)('$name is read as it was meant', ({ api, version }) => {
    const oracle = oracleRequests[api.name] as OracleRequest
    const sent = platformaticOf(api, version, [...(oracle.platformatic ?? [])])
    const body = Buffer.from(sent?.create().buffer ?? [])
    const { read, left } = readBody(api, version, body)
    expect(left).toBe(0)
    expect(read).toMatchObject(fieldsIn(api, version, oracle, oracle.filledInByPlatformatic))
  })
})

function readBody(api: AnyApi, version: number, body: Buffer): { read: unknown; left: number } {
  const reader = new Reader(body)
  const flexible = version >= api.flexibleFrom
  const read = api.request.read(reader, { number: version, flexible })
  return { read, left: reader.remaining }
}

function fieldsIn(
  api: AnyApi,
  version: number,
  { fields }: OracleRequest,
  ignored: readonly string[] = [],
): object {
  return pick(api.request.shape, fields, version, ignored) as object
}

/** The fields that this version has. */
function pick(shape: Shape, value: unknown, version: number, ignored: readonly string[]): unknown {
  if (value === null || value === undefined) return value
  if (shape.kind === 'array') {
    return (value as unknown[]).map((each) => pick(shape.element, each, version, ignored))
  }
  if (shape.kind !== 'struct') return value
  const record = value as Record<string, unknown>
  const present = shape.fields.filter(
    ({ name, from, to }) =>
      version >= from && version <= to && !ignored.includes(name) && record[name] !== undefined,
  )
  return Object.fromEntries(
    present.map((field) => [field.name, pick(field.shape, record[field.name], version, ignored)]),
  )
}

describe('what we answer kafkajs', () => {
  // It gives the token of a login to its mechanism only.
  const told = inKafkajs.filter(({ api }) => api.name !== 'SaslAuthenticate')
  test.each(told)('$name is read as it was meant', async ({ api, version }) => {
    const { value, bytes } = sampleAnswer(api, version)
    const args = { topics: [], resources: [], groupIds: [], topicPartitions: [], topicData: [] }
    const { response } = (kafkajs[api.name] as KafkajsRequest).protocol({ version })(args)
    const body = version >= api.flexibleFrom ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes
    const read = await response.decode(body)
    const ours = leavesOf(dropsMessages.includes(api.name) ? unsaid(value) : value)
    const { known, inOrder } = compare(leavesOf(read), ours)
    expect(known.toSorted()).toEqual(ours.toSorted())
    expect(inOrder).toBeGreaterThanOrEqual(ours.length - movedMax)
  })
})

/** Answers whose error texts kafkajs leaves out. */
const dropsMessages = ['AlterPartitionReassignments', 'ListPartitionReassignments']

function unsaid(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unsaid)
  if (value === null || typeof value !== 'object') return value
  const kept = Object.entries(value).filter(([name]) => name !== 'errorMessage')
  return Object.fromEntries(kept.map(([name, each]) => [name, unsaid(each)]))
}

describe('what we answer @platformatic/kafka', () => {
  test.each(inPlatformatic)('$name is read as it was meant', ({ api, version }) => {
    const { value, bytes } = sampleAnswer(api, version)
    const sent = platformaticOf(api, version, [])
    let read: unknown
    try {
      read = sent?.parse(0, api.key, version, platformatic.Reader.from(bytes))
    } catch (error) {
      // A record error is an error to this client; the answer hangs on it.
      read = (error as { response?: unknown }).response
    }
    const ours = leavesOf(value)
    const { known, inOrder } = compare(leavesOf(read), ours)
    expect(known.toSorted()).toEqual(ours.toSorted())
    expect(inOrder).toBeGreaterThanOrEqual(ours.length - movedMax)
  })
})

function sampleAnswer(api: AnyApi, version: number): { value: unknown; bytes: Buffer } {
  const value = sampleValue(api.response.shape, version)
  const writer = new Writer()
  api.response.write(writer, value, { number: version, flexible: version >= api.flexibleFrom })
  return { value, bytes: Buffer.concat(writer.buffers()) }
}

/** Fields that a client names first or last although they lie elsewhere on the wire: the throttle time, a cursor. */
const movedMax = 2

/** Sample values are unlike any default that a client adds: what is known and how much of it is in the same order. */
function compare(theirs: readonly string[], ours: readonly string[]) {
  const known = theirs.filter((leaf) => ours.includes(leaf))
  return { known, inOrder: commonLength(known, ours) }
}

/** The length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  const lengths = Array.from({ length: a.length + 1 }, () => Array<number>(b.length + 1).fill(0))
  const at = (i: number, j: number) => lengths[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const row = lengths[i] as number[]
      row[j] = a[i - 1] === b[j - 1] ? at(i - 1, j - 1) + 1 : Math.max(at(i - 1, j), at(i, j - 1))
    }
  }
  return at(a.length, b.length)
}

function leavesOf(value: unknown): string[] {
  if (value === null || value === undefined || typeof value === 'boolean') return []
  if (Buffer.isBuffer(value)) return value.length > 0 ? [value.toString()] : []
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') {
    return String(value) === '0' ? [] : [String(value)]
  }
  const parts: unknown[] = value instanceof Map ? [...value].flat() : Object.values(value)
  return parts.flatMap(leavesOf)
}
