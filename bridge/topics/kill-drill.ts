// For tests: records into a broker while the bridge, a process of its own, is killed again and again and at last left
// alone; then what arrived at Pub/Sub, judged. Kills come at any moment: while it starts, reads, sends, waits for an
// answer, commits.

import { fileURLToPath } from 'node:url'
import { systemClock } from '#stack/base/clock.ts'
import { OperatingError } from '#stack/base/errors.ts'
import { PartProcess } from '#stack/base/part-process.ts'
import { Random } from '#stack/base/random.ts'
import { minuteMs } from '#stack/base/units.ts'
import { connectPubSub } from '#stack/google/pubsub.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { BridgeStatus } from '../health.ts'
import { arrivals, judge, subscribe } from './arrivals.contract.ts'
import type { Arrival, Judgement } from './arrivals.contract.ts'

export interface KillDrillOptions {
  brokers: string
  pubsub: string
  kills: number
  /** Written while each life lasts. */
  recordsPerLife: number
  ordering: 'key' | 'partition'
  seed: number
  /** How long the group waits for one that was killed. */
  sessionTimeoutMs: number
  /** Before each life, with its number; the last, which nobody kills, is `kills`. */
  onLife(life: number): void
}

const topic = 'killed'
const projectId = 'shop'
const partitions = 2
const keys = 25
/** Every third life ends at any moment of its beginning, the others at any moment of their work. */
const beginningMs = 3000
const workMs = 2500
const beginsWithinMs = 120_000
const writingMs = 1500
const patienceMs = 2 * minuteMs
const lookMs = 100

export async function killDrill(options: KillDrillOptions): Promise<Judgement> {
  const { brokers, pubsub, kills, recordsPerLife, seed, onLife } = options
  const random = new Random(seed)
  const kafka = connectKafka({ brokers: brokers.split(','), clientId: 'kill-drill' })
  const admin = await kafka.admin()
  await admin.ensureTopics([{ name: topic, partitions, config: {} }])
  const clients = await connectPubSub({ mode: 'emulator', projectId, pubsub })
  await subscribe(clients, projectId, [topic])
  const arrived: Arrival[] = []
  try {
    for (let life = 0; life < kills; life++) {
      onLife(life)
      const bridge = startProcess(options)
      const isToWork = life % 3 !== 2
      if (isToWork) await bridge.hasBegun()
      const writing = write(kafka, life, recordsPerLife)
      await systemClock.sleep(random.int(isToWork ? workMs : beginningMs))
      await bridge.kill()
      await writing
    }
    onLife(kills)
    const last = startProcess(options)
    const ends = (await admin.endOffsets(topic)).map((offset, partition) => ({
      topic,
      partition,
      offset,
    }))
    const untilMs = systemClock.monotonicMs() + patienceMs
    while (systemClock.monotonicMs() < untilMs) {
      arrived.push(...(await arrivals(clients, projectId, topic)))
      if (judge(arrived, ends).missing.length === 0) break
      await systemClock.sleep(lookMs)
    }
    await last.kill()
    return judge(arrived, ends)
  } finally {
    await clients.close()
    await admin.close()
  }
}

/** Piece by piece, so that a life meets records at all times. */
async function write(kafka: KafkaPort, life: number, count: number): Promise<void> {
  const producer = await kafka.producer()
  const pieces = 10
  for (let piece = 0; piece < pieces; piece++) {
    const records = Array.from({ length: count / pieces }, (_, i) => ({
      key: `key-${(piece + i) % keys}`,
      value: `${life}/${piece}/${i}`,
    }))
    await producer.send([{ topic, records }])
    await systemClock.sleep(writingMs / pieces)
  }
  await producer.close()
}

function startProcess({ brokers, pubsub, ordering, sessionTimeoutMs }: KillDrillOptions) {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const flags = {
    '--brokers': brokers,
    '--pubsub': pubsub,
    '--project': projectId,
    '--lanes': 'topics',
    '--topics': topic,
    '--ordering': ordering,
    '--control-port': '0',
    '--session-timeout-ms': String(sessionTimeoutMs),
  }
  const part = new PartProcess(main, ['run', ...Object.entries(flags).flat()])
  return {
    /** Its partitions are its own. */
    async hasBegun(): Promise<void> {
      const { bridge } = await part.ready
      const untilMs = systemClock.monotonicMs() + beginsWithinMs
      while (systemClock.monotonicMs() < untilMs) {
        const status = await statusAt(bridge)
        if (status?.lanes[0]?.streams.length === partitions) return
        await systemClock.sleep(lookMs)
      }
      throw new OperatingError('the bridge does not begin')
    },
    kill: () => part.kill(),
  }
}

/** A machine that is busy may let a connection grow old. */
async function statusAt(address: string | undefined): Promise<BridgeStatus | undefined> {
  try {
    const response = await fetch(`${address}/status`)
    return (await response.json()) as BridgeStatus
  } catch {
    return undefined
  }
}
