// For tests: simulated traffic into a broker while the processor, a process of its own, is killed again and again and at
// last left alone; then what the topics hold, compacted, beside what the pipeline in one process makes of the same log.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemClock } from '#stack/base/clock.ts'
import { PartProcess } from '#stack/base/part-process.ts'
import { Random } from '#stack/base/random.ts'
import { defaultCataloguePath, parseCatalogue } from '#stack/contract/catalogue.ts'
import { topics, topicSpecs } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import { loadGeography } from './enrich/geography.ts'
import { LocalPipeline } from './local-pipeline.ts'

export interface DrillOptions {
  brokers: string
  log: readonly OutgoingRecord[]
  kills: number
  /** Of when to kill. */
  seed: number
}

export interface DrillResult {
  /** Input positions that were written, and how many outcomes each topic tells of them. */
  received: number
  enriched: number
  rejected: number
  /** Outcomes told more than once, always with the same position. */
  repeated: number
  tables: Record<string, unknown>
  expected: Record<string, unknown>
}

const compactedTopics = [topics.sessions.name, topics.carts.name, topics.abandonment.name]

const partitions = 4

export async function killDrill(options: DrillOptions): Promise<DrillResult> {
  const { brokers, log } = options
  const kafka = connectKafka({ brokers: brokers.split(','), clientId: 'drill' })
  const admin = await kafka.admin()
  await admin.ensureTopics(topicSpecs(partitions))
  await writeAndKill(kafka, options)
  const ends = await admin.endOffsets(topics.events.name)
  await admin.close()
  const read = await readTopics(kafka)
  const outcomes = [
    ...(read.get(topics.enriched.name) ?? []),
    ...(read.get(topics.rejected.name) ?? []),
  ]
  const positions = outcomes.map(({ value }) =>
    JSON.stringify((JSON.parse(value ?? '{}') as { input: unknown }).input),
  )
  return {
    received: ends.reduce((sum, end) => sum + end, 0),
    enriched: new Set(positions.slice(0, read.get(topics.enriched.name)?.length)).size,
    rejected: new Set(positions.slice(read.get(topics.enriched.name)?.length)).size,
    repeated: positions.length - new Set(positions).size,
    tables: Object.fromEntries(
      compactedTopics.map((topic) => [topic, compacted(read.get(topic) ?? [])]),
    ),
    expected: expectedTables(log),
  }
}

async function writeAndKill(kafka: KafkaPort, options: DrillOptions): Promise<void> {
  const { brokers, log, kills, seed } = options
  const random = new Random(seed)
  const producer = await kafka.producer()
  const pieces = kills + 1
  const pieceRecords = Math.ceil(log.length / pieces)
  for (let piece = 0; piece < pieces; piece++) {
    const processor = startProcess(brokers)
    await processor.ready
    const records = log.slice(piece * pieceRecords, (piece + 1) * pieceRecords)
    await producer.send([{ topic: topics.events.name, records }])
    if (piece < kills) {
      await systemClock.sleep(random.int(600))
      await processor.kill()
    } else {
      await untilSettled(processor)
      await processor.stop()
    }
  }
  await producer.close()
}

function startProcess(brokers: string): PartProcess {
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  // Silence must not advance the watermark here: the run beside it knows no clock.
  const flags = ['--brokers', brokers, '--control-port', '0', '--idle-timeout-ms', '86400000']
  return new PartProcess(main, flags)
}

/** Three times in a row, since a stage may still write for the next one. */
async function untilSettled(part: PartProcess): Promise<void> {
  const { processor } = await part.ready
  const giveUpMs = systemClock.monotonicMs() + 120_000
  for (let settled = 0; settled < 3;) {
    const response = await fetch(`${processor}/status`)
    const status = (await response.json()) as { settled: boolean }
    settled = status.settled ? settled + 1 : 0
    if (systemClock.monotonicMs() > giveUpMs)
      throw new Error(`not settled: ${JSON.stringify(status)} ${part.log}`)
    await systemClock.sleep(250)
  }
}

interface ReadRecord {
  key: string
  value: string | null
}

async function readTopics(kafka: KafkaPort): Promise<Map<string, ReadRecord[]>> {
  const names = [topics.enriched.name, topics.rejected.name, ...compactedTopics]
  const records = new Map<string, ReadRecord[]>()
  await kafka.readPartitions({
    from: names.flatMap((topic) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })),
    ),
    onBatch(batch) {
      const list = records.get(batch.topic) ?? []
      records.set(batch.topic, list)
      for (const { key, value } of batch.records) {
        list.push({ key: key?.toString() ?? '', value: value?.toString() ?? null })
      }
    },
  })
  return records
}

function expectedTables(log: readonly OutgoingRecord[]): Record<string, unknown> {
  const catalogue = parseCatalogue(readFileSync(defaultCataloguePath, 'utf8'))
  const pipeline = new LocalPipeline({ partitions, catalogue, placeOf: loadGeography() })
  for (const record of log) pipeline.appendRecord(record)
  pipeline.run()
  return Object.fromEntries(
    compactedTopics.map((topic) => [
      topic,
      compacted(
        pipeline.log.all(topic).map(({ key, value }) => ({
          key: key?.toString() ?? '',
          value: value?.toString() ?? null,
        })),
      ),
    ]),
  )
}

/** By key the last value, less what may differ from run to run (T7). */
function compacted(records: readonly ReadRecord[]): Record<string, unknown> {
  const last = new Map(records.map(({ key, value }) => [key, value]))
  const rows = [...last].flatMap(([key, value]): [string, unknown][] => {
    if (value === null) return []
    const row = JSON.parse(value) as Record<string, unknown>
    if (row['status'] === 'retracted') return []
    return [[key, { ...row, revision: null, processedAt: null, reason: null }]]
  })
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)))
}
