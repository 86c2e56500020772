// Our broker and Apache Kafka on the same machine in the same run, by the same load. They take turns, one running at a
// time; a figure is the median of the rounds, and its note tells Kafka's, the ratio, and what is wanted of it.

import { join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { GiB } from '../../base/units.ts'
import type { BrokerMeasurement } from '../broker.bench.ts'
import { createTopic, deleteTopic, fill, perfTest, steadyRequests, untilServed } from './loads.ts'
import { Subject } from './subject.ts'

export interface BesideKafkaOptions {
  /** With `tools/kafka` in it. */
  shared: string
  rounds?: number
  /** Of each run of producer-perf-test. */
  records?: number
}

const figures = {
  durable: ['durable, default batch', 'records/s', '≥ 3 times'],
  durableLarge: ['durable, 128 KiB batches, 20 ms linger', 'records/s', '≥ 1 times'],
  cached: ['page cache, default batch', 'records/s', '≥ 0.5 times'],
  cachedLarge: ['page cache, 128 KiB batches, 20 ms linger', 'records/s', '≥ 0.5 times'],
  startMs: ['start to first byte', 'ms', '≤ 0.1 times'],
  residentMb: ['resident memory after the durable runs', 'MB', '≤ 0.25 times'],
  p50Ms: ['durable, 10,000 requests/s of one record, p50', 'ms', ''],
  p99Ms: ['durable, 10,000 requests/s of one record, p99', 'ms', '≤ 20 ms'],
  reopenMs: ['reopened after kill -9, of 1 GiB', 'ms', '≤ 3,000 ms'],
} as const
type Figures = Record<keyof typeof figures, number>

const largeBatches = ['batch.size=131072', 'linger.ms=20']

export async function benchBesideKafka({
  shared,
  rounds = 3,
  records = 500_000,
}: BesideKafkaOptions): Promise<BrokerMeasurement[]> {
  const kafka = await Subject.kafka(shared)
  if (kafka === undefined) return []
  const ours = { durable: await Subject.ours('fsync'), cached: await Subject.ours('none') }
  const load = { tool: join(shared, 'tools/kafka/tool'), records }
  const runs: { ours: Figures; kafka: Figures }[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      runs.push({
        ours: await figuresOf(ours, load),
        kafka: await figuresOf({ durable: kafka, cached: kafka }, load),
      })
    }
  } finally {
    for (const each of [kafka, ours.durable, ours.cached]) await each.dispose()
  }
  return compared(runs)
}

function compared(runs: readonly { ours: Figures; kafka: Figures }[]): BrokerMeasurement[] {
  const keys = Object.keys(figures) as (keyof Figures)[]
  return keys.map((key) => {
    const [name, unit, wanted] = figures[key]
    const value = median(runs.map(({ ours }) => ours[key]))
    const theirs = median(runs.map(({ kafka }) => kafka[key]))
    const aim = wanted === '' ? '' : `, wanted ${wanted}`
    const told = theirs.toLocaleString('en', { maximumSignificantDigits: 4 })
    return {
      name,
      value,
      unit,
      note: `Kafka ${told}; ${(value / theirs).toPrecision(2)} times${aim}`,
    }
  })
}

interface Load {
  tool: string
  records: number
}

/** Ours is durable or not as a whole, Kafka topic by topic. */
interface Both {
  durable: Subject
  cached: Subject
}

async function figuresOf({ durable, cached }: Both, load: Load): Promise<Figures> {
  return { ...(await durableFigures(durable, load)), ...(await cachedFigures(cached, load)) }
}

async function durableFigures(subject: Subject, load: Load) {
  const startMs = await subject.start()
  const at = { port: subject.port, topic: 'durable' }
  await createTopic(at, subject.durableSettings)
  const rate = await perfTest(load, at, [])
  const large = await perfTest(load, at, largeBatches)
  const residentMb = subject.residentMb()
  const latencies = await steadyRequests(at, 10_000)
  await deleteTopic(at)
  await subject.end()
  return { startMs, durable: rate, durableLarge: large, residentMb, ...latencies }
}

async function cachedFigures(subject: Subject, load: Load) {
  await subject.start()
  const at = { port: subject.port, topic: 'cached' }
  await createTopic(at, {})
  const rate = await perfTest(load, at, [])
  const large = await perfTest(load, at, largeBatches)
  await deleteTopic(at)
  const reopenMs = await reopened(subject)
  await subject.end()
  return { cached: rate, cachedLarge: large, reopenMs }
}

async function reopened(subject: Subject): Promise<number> {
  const at = { port: subject.port, topic: 'reopened' }
  await createTopic(at, {})
  await fill(at, GiB)
  await subject.end('SIGKILL')
  const sinceMs = systemClock.monotonicMs()
  await subject.start()
  await untilServed(at)
  const ms = systemClock.monotonicMs() - sinceMs
  await deleteTopic(at)
  return ms
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}
