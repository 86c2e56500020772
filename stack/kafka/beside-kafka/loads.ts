// What both brokers are put to: Kafka's own producer-perf-test, small requests at a steady rate, and a topic to be filled.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { systemClock } from '../../base/clock.ts'
import { OperatingError } from '../../base/errors.ts'
import { KiB } from '../../base/units.ts'
import { listOffsets, produce } from '../protocol/messages/data.ts'
import { createTopics, deleteTopics } from '../protocol/messages/topics.ts'
import { buildBatch } from '../protocol/record-batch.ts'
import { encodeRequest, decodeResponse, WireClient } from '../wire-client.ts'
import { newTopicOf, produceOf } from '../wire-requests.ts'

export interface Target {
  port: number
  topic: string
}

const partitions = 4
const recordBytes = 200
const produceVersion = 7

export async function createTopic({ port, topic }: Target, settings: Record<string, string>) {
  using client = await WireClient.connect(port)
  await settled(async () => {
    const answer = await client.call(createTopics, 2, newTopicOf(topic, partitions, settings))
    return answer.topics[0]?.errorCode === 0 || answer.topics[0]?.errorCode === topicExists
  })
  await untilServed({ port, topic })
}

const topicExists = 36

export async function deleteTopic({ port, topic }: Target): Promise<void> {
  using client = await WireClient.connect(port)
  await client.call(deleteTopics, 4, { topics: [], names: [topic], timeoutMs: 10_000 })
}

/** Records a second, after a fifth of the load to warm up. */
export async function perfTest(
  { tool, records }: { tool: string; records: number },
  { port, topic }: Target,
  settings: readonly string[],
): Promise<number> {
  const flags = {
    'bootstrap-server': `127.0.0.1:${port}`,
    topic,
    'num-records': records,
    'record-size': recordBytes,
    throughput: -1,
    'warmup-records': Math.round(records / 5),
    'command-property': 'acks=all',
  }
  const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const args = ['kafka-producer-perf-test', ...words, ...settings]
  const { stdout } = await promisify(execFile)(tool, args, { maxBuffer: 1e8 })
  const rates = [...stdout.matchAll(/([\d.]+) records\/sec/g)].map((match) => Number(match[1]))
  const rate = rates.at(-1)
  if (rate === undefined)
    throw new OperatingError('producer-perf-test told no rate', { where: topic })
  return rate
}

const seconds = 8
const connections = 8
const tickMs = 2
/** A broker that cannot keep up shows it in its latencies; it need not be waited for any longer. */
const unansweredMax = 20_000

/** Latencies of requests of one small record that are sent whether those before are answered or not. */
export async function steadyRequests(
  { port, topic }: Target,
  perSecond: number,
): Promise<{ p50Ms: number; p99Ms: number }> {
  const clients = await Promise.all(
    Array.from({ length: connections }, () => WireClient.connect(port)),
  )
  const frames = Array.from({ length: partitions }, (_, index) => frameOf(topic, index, 1, -1))
  const latenciesMs: number[] = []
  const answers: Promise<void>[] = []
  const sinceMs = systemClock.monotonicMs()
  const warmUpMs = 2000
  let sent = 0
  let answered = 0
  for (let nowMs = sinceMs; nowMs < sinceMs + warmUpMs + seconds * 1000;) {
    const due = Math.floor(((nowMs - sinceMs) / 1000) * perSecond)
    for (; sent < due && sent - answered < unansweredMax; sent++) {
      const client = clients[sent % connections] as WireClient
      const thenMs = systemClock.monotonicMs()
      const answer = client.exchange(frames[sent % partitions] as Buffer)
      answers.push(
        answer.then(() => {
          answered++
          if (thenMs - sinceMs > warmUpMs) latenciesMs.push(systemClock.monotonicMs() - thenMs)
        }),
      )
    }
    await systemClock.sleep(tickMs)
    nowMs = systemClock.monotonicMs()
  }
  await Promise.all(answers)
  for (const client of clients) client.close()
  latenciesMs.sort((a, b) => a - b)
  const percentile = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? NaN
  return { p50Ms: percentile(0.5), p99Ms: percentile(0.99) }
}

const recordsPerBatch = 256
const inFlight = 5

/** Acknowledged when it is written. */
export async function fill({ port, topic }: Target, bytes: number): Promise<void> {
  using client = await WireClient.connect(port)
  const frames = Array.from({ length: partitions }, (_, index) =>
    frameOf(topic, index, recordsPerBatch, 1, KiB),
  )
  const count = Math.ceil(bytes / (frames[0] as Buffer).length)
  let next = 0
  const lane = async () => {
    while (next < count) {
      const answer = await client.exchange(frames[next++ % partitions] as Buffer)
      const { responses } = decodeResponse(produce, produceVersion, answer)
      const errorCode = responses[0]?.partitions[0]?.errorCode
      if (errorCode !== 0)
        throw new OperatingError(`not taken: error ${errorCode}`, { where: topic })
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

/** Until every partition tells its end. */
export async function untilServed({ port, topic }: Target): Promise<void> {
  using client = await WireClient.connect(port)
  await settled(async () => (await endOffsets(client, topic)).length === partitions)
}

function frameOf(topic: string, index: number, count: number, acks: number, valueBytes = 100) {
  const value = Buffer.alloc(valueBytes, 'x')
  const timestampMs = systemClock.now()
  const batch = buildBatch({
    records: Array.from({ length: count }, () => ({ key: null, value, timestampMs })),
  })
  return encodeRequest(produce, produceVersion, produceOf(topic, batch, { index, acks }))
}

async function endOffsets(client: WireClient, name: string): Promise<number[]> {
  const of = Array.from({ length: partitions }, (_, index) => ({
    index,
    currentLeaderEpoch: -1,
    timestampMs: -1,
  }))
  const answer = await client.call(listOffsets, 5, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name, partitions: of }],
    timeoutMs: 0,
  })
  const found = answer.topics[0]?.partitions ?? []
  return found.filter(({ errorCode }) => errorCode === 0).map(({ offset }) => offset)
}

const patienceMs = 60_000

async function settled(isSo: () => Promise<boolean>): Promise<void> {
  for (const endMs = systemClock.monotonicMs() + patienceMs; !(await isSo());) {
    if (systemClock.monotonicMs() > endMs) throw new OperatingError('the broker does not get there')
    await systemClock.sleep(5)
  }
}
