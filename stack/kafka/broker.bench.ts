// The broker alone, over TCP, by a client that costs next to nothing: prepared frames, several connections, several
// requests in flight. Broker and load share the machine, each in a process of its own.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { OperatingError } from '../base/errors.ts'
import { PartProcess } from '../base/part-process.ts'
import { KiB, MiB } from '../base/units.ts'
import type { Durability } from './log/partition-log.ts'
import { fetch, produce } from './protocol/messages/data.ts'
import { createTopics } from './protocol/messages/topics.ts'
import { buildBatch, readBatchHeader } from './protocol/record-batch.ts'
import { encodeRequest, decodeResponse, WireClient } from './wire-client.ts'
import { fetchOf, produceOf } from './wire-requests.ts'

export interface BrokerBenchOptions {
  /** Of each measurement. */
  secondsEach?: number
}

export interface BrokerMeasurement {
  name: string
  value: number
  unit: string
  note?: string
}

interface Load {
  recordsPerBatch: number
  recordBytes: number
  connections: number
  inFlight: number
  acks: number
}

const large: Load = { recordsPerBatch: 64, recordBytes: KiB, connections: 4, inFlight: 5, acks: -1 }
const tiny: Load = { recordsPerBatch: 1, recordBytes: 100, connections: 8, inFlight: 64, acks: -1 }
const topic = 'bench'
const partitions = 4
const produceVersion = 7
const fetchVersion = 11
const fetchBytes = MiB
const warmUpMs = 300

export async function benchBroker({ secondsEach = 3 }: BrokerBenchOptions = {}): Promise<
  BrokerMeasurement[]
> {
  const ms = secondsEach * 1000
  const durable = await withBroker('fsync', async (port) => [
    ...rates('produce, durable', await produceFor(port, large, ms), large),
    ...rates('produce, durable, single records', await produceFor(port, tiny, ms), tiny),
    ...(await fetchRates(port, ms)),
  ])
  const cached = await withBroker('none', async (port) => {
    const load = { ...large, acks: 1 }
    return rates('produce, page cache', await produceFor(port, load, ms), load)
  })
  return [...durable, ...cached]
}

async function withBroker<T>(
  durability: Durability,
  measure: (port: number) => Promise<T>,
): Promise<T> {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bench-broker-'))
  const main = new URL('./main.ts', import.meta.url).pathname
  const flags = [
    '--port',
    '0',
    '--control-port',
    '0',
    '--data',
    dataDir,
    '--durability',
    durability,
  ]
  const part = new PartProcess(main, flags)
  try {
    const { kafka } = await part.ready
    const port = Number(kafka?.split(':').at(-1))
    await createTopic(port)
    return await measure(port)
  } finally {
    await part.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function createTopic(port: number): Promise<void> {
  using client = await WireClient.connect(port)
  const wanted = {
    name: topic,
    partitionCount: partitions,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }
  const { topics } = await client.call(createTopics, 4, {
    topics: [wanted],
    timeoutMs: 10_000,
    validateOnly: false,
  })
  if (topics[0]?.errorCode !== 0) throw new OperatingError('the topic could not be created')
}

interface Counted {
  records: number
  bytes: number
  seconds: number
  latenciesMs: number[]
}

/** Every connection keeps its requests in flight until the time is over; a warm-up is not counted. */
async function produceFor(port: number, load: Load, ms: number): Promise<Counted> {
  const value = Buffer.alloc(load.recordBytes, 'x')
  const record = { key: null, value, timestampMs: systemClock.now() }
  const batch = buildBatch({ records: Array.from({ length: load.recordsPerBatch }, () => record) })
  return repeat(port, load, ms, (connection) => {
    const index = connection % partitions
    const request = produceOf(topic, batch, { index, acks: load.acks })
    const frame = encodeRequest(produce, produceVersion, request)
    return async (client) => {
      const answer = decodeResponse(produce, produceVersion, await client.exchange(frame))
      const errorCode = answer.responses[0]?.partitions[0]?.errorCode
      if (errorCode !== 0) throw new OperatingError(`produce was answered with ${errorCode}`)
      return { bytes: frame.length, records: load.recordsPerBatch }
    }
  })
}

async function fetchRates(port: number, ms: number): Promise<BrokerMeasurement[]> {
  const load = { ...large, connections: 2, inFlight: 2 }
  const counted = await repeat(port, load, ms, (connection) => {
    const index = connection % partitions
    const request = fetchOf(topic, { index, maxBytes: fetchBytes })
    const frame = encodeRequest(fetch, fetchVersion, request)
    // Every answer is the same: its records are counted once.
    let records: number | undefined
    return async (client) => {
      const answer = await client.exchange(frame)
      records ??= recordsIn(answer)
      return { bytes: answer.length, records }
    }
  })
  return rates('fetch of 1 MiB, page cache', counted, load)
}

function recordsIn(frame: Buffer): number {
  const { responses } = decodeResponse(fetch, fetchVersion, frame)
  const bytes = Buffer.concat(responses[0]?.partitions[0]?.records ?? [])
  let records = 0
  for (let at = 0; at < bytes.length;) {
    const { count, sizeBytes } = readBatchHeader(bytes, at)
    records += count
    at += sizeBytes
  }
  return records
}

type Once = (client: WireClient) => Promise<{ bytes: number; records: number }>

async function repeat(
  port: number,
  load: Load,
  ms: number,
  prepare: (connection: number) => Once,
): Promise<Counted> {
  const startMs = systemClock.monotonicMs() + warmUpMs
  const endMs = startMs + ms
  const counted: Counted = { records: 0, bytes: 0, seconds: ms / 1000, latenciesMs: [] }
  const workers = Array.from({ length: load.connections }, async (_, connection) => {
    using client = await WireClient.connect(port)
    const send = prepare(connection)
    const lane = async () => {
      for (let nowMs = systemClock.monotonicMs(); nowMs < endMs;) {
        const { bytes, records } = await send(client)
        const thenMs = systemClock.monotonicMs()
        if (thenMs >= startMs && thenMs < endMs) {
          counted.records += records
          counted.bytes += bytes
          counted.latenciesMs.push(thenMs - nowMs)
        }
        nowMs = thenMs
      }
    }
    await Promise.all(Array.from({ length: load.inFlight }, lane))
  })
  await Promise.all(workers)
  return counted
}

function rates(name: string, counted: Counted, load: Load): BrokerMeasurement[] {
  const note =
    `${load.recordsPerBatch} × ${load.recordBytes} B a batch, ` +
    `${load.connections} connections × ${load.inFlight} in flight`
  const latencies = counted.latenciesMs.sort((a, b) => a - b)
  const percentile = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0
  return [
    {
      name,
      value: Math.round(counted.records / counted.seconds),
      unit: 'records/s',
      note,
    },
    { name, value: Math.round(counted.bytes / counted.seconds / 1e6), unit: 'MB/s', note },
    { name: `${name}, p50`, value: round(percentile(0.5)), unit: 'ms' },
    { name: `${name}, p99`, value: round(percentile(0.99)), unit: 'ms' },
  ]
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
