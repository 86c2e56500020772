// A broker in a process of its own that is killed with SIGKILL again and again under load, and a ledger in this process
// of what it acknowledged and what it showed. Producers are idempotent and repeat what was not answered, so that every
// record must be there once; what a reader saw must stay where it was; a committed position never goes back.

import { systemClock } from '../base/clock.ts'
import { OperatingError } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { BrokerProcess } from './broker-process.ts'
import { fetch, initProducerId, produce } from './protocol/messages/data.ts'
import { offsetCommit, offsetFetch } from './protocol/messages/group.ts'
import { buildBatch } from './protocol/record-batch.ts'
import { WireClient } from './wire-client.ts'
import { fetchedRecords, fetchOf, offsetOf, produceOf } from './wire-requests.ts'

export interface DrillOptions {
  dataDir: string
  kills: number
  seed: number
}

export interface DrillResult {
  /** Violations of what was promised, in words. */
  violations: string[]
  acknowledgedRecords: number
  kills: number
}

const topic = 'drill'
const partitions = 2
const inFlight = 3

export async function drill(options: DrillOptions): Promise<DrillResult> {
  const random = new Random(`drill/${options.seed}`)
  const broker = new BrokerProcess({ dataDir: options.dataDir })
  await broker.start()
  // Small, so that kills meet every step of going from file to file.
  await broker.createTopic(topic, partitions, { 'internal.segment.bytes': '20000' })
  const world = { broker, isOver: false, violations: [] as string[] }
  const producers = Array.from({ length: 3 }, (_, i) => new DrillProducer(world, i, random.fork(i)))
  const readers = Array.from({ length: partitions }, (_, i) => new DrillReader(world, i))
  const running = Promise.all([...producers, ...readers].map((each) => each.run()))
  while (!producers.some((each) => each.acknowledged.length > 0)) await systemClock.sleep(10)
  await broker.killAgain(options.kills, random)
  world.isOver = true
  await running
  await compare(world, producers, readers)
  await broker.kill()
  return {
    violations: world.violations,
    acknowledgedRecords: producers.reduce((sum, each) => sum + each.acknowledged.length, 0),
    kills: options.kills,
  }
}

interface World {
  broker: BrokerProcess
  isOver: boolean
  violations: string[]
}

class DrillProducer {
  readonly acknowledged: string[] = []
  sent = 0
  readonly #world: World
  readonly #name: string
  readonly #partition: number
  readonly #random: Random
  /** Not answered yet, in order of their sequences. */
  #open: { values: string[]; bytes: Buffer }[] = []
  #producerId = -1
  #sequence = 0

  constructor(world: World, index: number, random: Random) {
    this.#world = world
    this.#name = `p${index}`
    this.#partition = index % partitions
    this.#random = random
  }

  get name(): string {
    return this.#name
  }

  async run(): Promise<void> {
    this.#producerId = await this.#world.broker.patiently(async (client) => {
      const request = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1 }
      const answer = await client.call(initProducerId, 1, { ...request, producerEpoch: -1 })
      if (answer.errorCode !== 0) throw new OperatingError('no producer id')
      return answer.producerId
    })
    while (!this.#world.isOver || this.#open.length > 0)
      await this.#world.broker.patiently((client) => this.#sendOn(client))
  }

  /** Repeats what is open, then goes on until the connection breaks or all is over. */
  async #sendOn(client: WireClient): Promise<void> {
    const answers = this.#open.map((batch) => this.#send(client, batch.bytes))
    for (;;) {
      while (this.#open.length < inFlight && !this.#world.isOver) {
        this.#open.push(this.#nextBatch())
        answers.push(this.#send(client, this.#open.at(-1)?.bytes as Buffer))
      }
      if (this.#open.length === 0) return
      const errorCode = await answers.shift()
      if (errorCode !== 0) throw new OperatingError(`produce was answered with ${errorCode}`)
      this.acknowledged.push(...(this.#open.shift()?.values ?? []))
    }
  }

  #nextBatch(): { values: string[]; bytes: Buffer } {
    const count = 1 + this.#random.int(20)
    const values = Array.from({ length: count }, () => `${this.#name}-${this.sent++}`)
    const bytes = buildBatch({
      records: values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 1 })),
      producerId: this.#producerId,
      producerEpoch: 0,
      baseSequence: this.#sequence,
    })
    this.#sequence += count
    return { values, bytes }
  }

  /** Undefined where the connection broke before the answer. */
  async #send(client: WireClient, records: Buffer): Promise<number | undefined> {
    const request = produceOf(topic, records, { index: this.#partition })
    try {
      const answer = await client.call(produce, 7, request)
      return answer.responses[0]?.partitions[0]?.errorCode
    } catch {
      return undefined
    }
  }
}

/** Follows a partition, remembers what it saw where, and commits its position. */
class DrillReader {
  readonly seen: string[] = []
  readonly partition: number
  readonly #world: World
  #committed = -1

  constructor(world: World, partition: number) {
    this.#world = world
    this.partition = partition
  }

  async run(): Promise<void> {
    while (!this.#world.isOver) await this.#world.broker.patiently((client) => this.#readOn(client))
  }

  async #readOn(client: WireClient): Promise<void> {
    await this.#checkCommitted(client)
    await this.#checkSeen(client)
    while (!this.#world.isOver) {
      this.seen.push(...(await readFrom(client, this.partition, this.seen.length)))
      await this.#commit(client, this.seen.length)
    }
  }

  /** A restarted broker shows what the one before has shown. */
  async #checkSeen(client: WireClient): Promise<void> {
    const from = Math.max(0, this.seen.length - 50)
    const again = await readAll(client, this.partition, from)
    const expected = this.seen.slice(from)
    if (expected.some((value, i) => again[i] !== value))
      this.#world.violations.push(`partition ${this.partition} shows other records from ${from} on`)
  }

  async #commit(client: WireClient, offset: number): Promise<void> {
    const request = offsetOf(`reader-${this.partition}`, topic, this.partition, offset)
    const answer = await client.call(offsetCommit, 2, request)
    if (answer.topics[0]?.partitions[0]?.errorCode === 0) this.#committed = offset
  }

  async #checkCommitted(client: WireClient): Promise<void> {
    const answer = await client.call(offsetFetch, 1, {
      groupId: `reader-${this.partition}`,
      topics: [{ name: topic, partitions: [this.partition] }],
      groups: [],
      requireStable: false,
    })
    const offset = answer.topics[0]?.partitions[0]?.offset ?? -1
    if (offset < this.#committed)
      this.#world.violations.push(`a committed offset went from ${this.#committed} to ${offset}`)
  }
}

async function readFrom(client: WireClient, index: number, offset: number): Promise<string[]> {
  const answer = await client.call(fetch, 4, fetchOf(topic, { index, offset, maxWaitMs: 20 }))
  const found = answer.responses[0]?.partitions[0]
  if (found?.errorCode !== 0) throw new OperatingError(`fetch was answered ${found?.errorCode}`)
  return fetchedRecords(found, offset).records.map(({ value }) => value)
}

/** After one more kill: every acknowledged record once, those of a producer in order, what was read where it was. */
async function compare(
  world: World,
  producers: readonly DrillProducer[],
  readers: readonly DrillReader[],
): Promise<void> {
  await world.broker.kill()
  await world.broker.start()
  const all: string[] = []
  for (const { partition, seen } of readers) {
    const stored = await world.broker.patiently((client) => readAll(client, partition))
    if (seen.some((value, i) => stored[i] !== value))
      world.violations.push(`partition ${partition} does not hold what was read`)
    all.push(...stored)
  }
  for (const { name, acknowledged } of producers) {
    const stored = all.filter((value) => value.startsWith(`${name}-`))
    if (stored.join() !== acknowledged.join()) {
      const missing = acknowledged.filter((value) => !stored.includes(value))
      world.violations.push(
        `${name}: ${acknowledged.length} acknowledged, ${stored.length} stored, missing ${missing.slice(0, 5).join()}`,
      )
    }
  }
}

async function readAll(client: WireClient, partition: number, from = 0): Promise<string[]> {
  const values: string[] = []
  for (;;) {
    const more = await readFrom(client, partition, from + values.length)
    if (more.length === 0) return values
    values.push(...more)
  }
}
