// Producers of transactions and readers of committed records, at a broker that is killed again and again. A producer does
// as Java's does: what was not answered it asks again, and now and then it dies itself and comes back under its id. When
// all is over each transaction is there whole or not at all, those of which the end was acknowledged as they ended, the
// offsets with the records, and what a reader saw was never of an aborted one and stays where it was.

import { systemClock } from '../../base/clock.ts'
import { OperatingError } from '../../base/errors.ts'
import { Random } from '../../base/random.ts'
import { BrokerProcess } from '../broker-process.ts'
import { errorCodes, errorName } from '../protocol/errors.ts'
import { fetch, initProducerId, produce } from '../protocol/messages/data.ts'
import { offsetFetch } from '../protocol/messages/group.ts'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  txnOffsetCommit,
} from '../protocol/messages/transactions.ts'
import { buildBatch, transactionalBit } from '../protocol/record-batch.ts'
import { WireClient } from '../wire-client.ts'
import type { FetchedRecord } from '../wire-requests.ts'
import { fetchedRecords, fetchOf, offsetOf, produceOf, readCommitted } from '../wire-requests.ts'

export interface DrillOptions {
  dataDir: string
  kills: number
  seed: number
}

export interface DrillResult {
  violations: string[]
  /** Transactions by what is known of their end. */
  committed: number
  aborted: number
  left: number
}

const topic = 'drill'
const partitions = 2

/** What a producer's process knows of a transaction; `left` is of one that died before it was told of the end. */
type End = 'open' | 'committed' | 'aborted' | 'left'

interface Told {
  producer: string
  /** Of its producer, from 0: also the offset that it commits. */
  number: number
  records: number
  wantsCommit: boolean
  end: End
}

interface World {
  broker: BrokerProcess
  isOver: boolean
  told: Told[]
  violations: string[]
}

export async function drill({ dataDir, kills, seed }: DrillOptions): Promise<DrillResult> {
  const random = new Random(`transactions/${seed}`)
  const broker = new BrokerProcess({ dataDir })
  await broker.start()
  // Small, so that kills meet every step of going from file to file.
  await broker.createTopic(topic, partitions, { 'internal.segment.bytes': '20000' })
  const world: World = { broker, isOver: false, told: [], violations: [] }
  const producers = ['a', 'b', 'c'].map((name) => new Transactor(world, name, random.fork(name)))
  const readers = Array.from({ length: partitions }, (_, i) => new CommittedReader(world, i))
  const running = Promise.all([...producers, ...readers].map((each) => each.run()))
  while (!world.told.some(({ end }) => end === 'committed')) await systemClock.sleep(10)
  await broker.killAgain(kills, random)
  world.isOver = true
  await running
  await broker.kill()
  await broker.start()
  await compare(world, producers, readers)
  await broker.kill()
  const count = (wanted: End) => world.told.filter(({ end }) => end === wanted).length
  return {
    violations: world.violations,
    committed: count('committed'),
    aborted: count('aborted'),
    left: count('left'),
  }
}

class Transactor {
  readonly name: string
  readonly #world: World
  readonly #random: Random
  #producerId = -1
  #producerEpoch = -1
  #sequences: number[] = []
  #count = 0

  constructor(world: World, name: string, random: Random) {
    this.name = name
    this.#world = world
    this.#random = random
  }

  get group(): string {
    return `group-${this.name}`
  }

  async run(): Promise<void> {
    await this.init()
    while (!this.#world.isOver) await this.#transact()
  }

  /** What the one before left open is aborted. */
  async init(): Promise<void> {
    await this.#ask('InitProducerId', async (client) => {
      const answer = await client.call(initProducerId, 4, {
        transactionalId: this.name,
        transactionTimeoutMs: 60_000,
        producerId: -1,
        producerEpoch: -1,
      })
      this.#producerId = answer.producerId
      this.#producerEpoch = answer.producerEpoch
      this.#sequences = Array.from({ length: partitions }, () => 0)
      return answer.errorCode
    })
  }

  async #transact(): Promise<void> {
    const transaction: Told = {
      producer: this.name,
      number: this.#count++,
      records: 0,
      wantsCommit: this.#random.chance(0.6),
      end: 'open',
    }
    this.#world.told.push(transaction)
    const steps = [
      () => this.#addPartitions(),
      ...Array.from({ length: 1 + this.#random.int(3) }, () => () => this.#send(transaction)),
      () => this.#addOffsets(),
      () => this.#commitOffset(transaction),
    ]
    const diesAt = this.#random.chance(0.1) ? this.#random.int(steps.length) : Infinity
    for (const [i, step] of steps.entries()) {
      if (i === diesAt) return this.#dieIn(transaction)
      await step()
    }
    // Sent and never waited for: whoever comes back under the id finds it done or undone.
    if (this.#random.chance(0.1)) {
      using client = await WireClient.connect(this.#world.broker.port).catch(() => undefined)
      void client?.call(endTxn, 3, this.#endOf(transaction)).catch(() => {})
      await systemClock.sleep(this.#random.int(5))
      await this.#dieIn(transaction)
      return
    }
    await this.#ask('EndTxn', async (client) => {
      const { errorCode } = await client.call(endTxn, 3, this.#endOf(transaction))
      return errorCode
    })
    transaction.end = transaction.wantsCommit ? 'committed' : 'aborted'
  }

  async #dieIn(transaction: Told): Promise<void> {
    transaction.end = 'left'
    await this.init()
  }

  #addPartitions(): Promise<void> {
    const topics = [{ name: topic, partitions: Array.from({ length: partitions }, (_, i) => i) }]
    return this.#ask('AddPartitionsToTxn', async (client) => {
      const answer = await client.call(addPartitionsToTxn, 3, { ...this.#ref, topics })
      return answer.results[0]?.partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0
    })
  }

  /** The same record to each partition. */
  async #send(transaction: Told): Promise<void> {
    const value = Buffer.from(`${this.name} ${transaction.number} ${transaction.records++}`)
    for (let index = 0; index < partitions; index++) {
      const records = buildBatch({
        records: [{ key: null, value, timestampMs: 1 }],
        producerId: this.#producerId,
        producerEpoch: this.#producerEpoch,
        baseSequence: this.#sequences[index] as number,
        attributes: transactionalBit,
      })
      this.#sequences[index] = (this.#sequences[index] as number) + 1
      const request = produceOf(topic, records, { index, id: this.name })
      await this.#ask('Produce', async (client) => {
        const answer = await client.call(produce, 7, request)
        return answer.responses[0]?.partitions[0]?.errorCode ?? -1
      })
    }
  }

  #addOffsets(): Promise<void> {
    return this.#ask('AddOffsetsToTxn', async (client) => {
      const answer = await client.call(addOffsetsToTxn, 3, { ...this.#ref, groupId: this.group })
      return answer.errorCode
    })
  }

  #commitOffset({ number }: Told): Promise<void> {
    const request = { ...this.#ref, ...offsetOf(this.group, topic, 0, number) }
    return this.#ask('TxnOffsetCommit', async (client) => {
      const answer = await client.call(txnOffsetCommit, 3, request)
      return answer.topics[0]?.partitions[0]?.errorCode ?? -1
    })
  }

  #endOf({ wantsCommit }: Told) {
    return { ...this.#ref, commits: wantsCommit }
  }

  get #ref() {
    const { name: transactionalId } = this
    return { transactionalId, producerId: this.#producerId, producerEpoch: this.#producerEpoch }
  }

  /** Again until it is answered; an error that no client would try again is a fault of the broker. */
  async #ask(what: string, call: (client: WireClient) => Promise<number>): Promise<void> {
    for (;;) {
      const code = await this.#world.broker.patiently(call)
      if (code === errorCodes.NONE) return
      if (!transient.has(code)) {
        const which = `${this.name} ${this.#count - 1}`
        throw new OperatingError(`${what} of ${which} was answered ${errorName(code)}`)
      }
      await systemClock.sleep(5)
    }
  }
}

/** What Java's producer asks again by itself. */
const transient: ReadonlySet<number> = new Set([
  errorCodes.CONCURRENT_TRANSACTIONS,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
])

/** Follows a partition's committed records and remembers what it saw where. */
class CommittedReader {
  readonly seen: FetchedRecord[] = []
  readonly partition: number
  readonly #world: World
  #offset = 0

  constructor(world: World, partition: number) {
    this.partition = partition
    this.#world = world
  }

  async run(): Promise<void> {
    const { broker } = this.#world
    while (!this.#world.isOver) await broker.patiently((client) => this.#readOn(client))
  }

  async #readOn(client: WireClient): Promise<void> {
    while (!this.#world.isOver) {
      const { records, nextOffset } = await readCommittedFrom(client, this.partition, this.#offset)
      this.seen.push(...records)
      this.#offset = nextOffset
    }
  }
}

async function readCommittedFrom(client: WireClient, index: number, offset: number) {
  const isolationLevel = readCommitted
  const request = fetchOf(topic, { index, offset, maxWaitMs: 20, isolationLevel })
  const answer = await client.call(fetch, 11, request)
  const found = answer.responses[0]?.partitions[0]
  if (found?.errorCode !== 0) throw new OperatingError(`fetch was answered ${found?.errorCode}`)
  return fetchedRecords(found, offset)
}

async function allCommitted(client: WireClient, index: number): Promise<FetchedRecord[]> {
  const all: FetchedRecord[] = []
  for (let offset = 0; ;) {
    const { records, nextOffset } = await readCommittedFrom(client, index, offset)
    if (nextOffset === offset) return all
    all.push(...records)
    offset = nextOffset
  }
}

async function compare(
  { broker, told, violations }: World,
  producers: readonly Transactor[],
  readers: readonly CommittedReader[],
): Promise<void> {
  for (const producer of producers) await producer.init()
  const stored: string[][] = []
  for (const { partition, seen } of readers) {
    const all = await broker.patiently((client) => allCommitted(client, partition))
    const there = new Map(all.map(({ offset, value }) => [offset, value]))
    const moved = seen.find(({ offset, value }) => there.get(offset) !== value)
    if (moved)
      violations.push(`partition ${partition} showed ${moved.value} at ${moved.offset}, no more`)
    stored.push(all.map(({ value }) => value))
  }
  for (const each of told) {
    const fault = faultOf(each, stored)
    if (fault) violations.push(`transaction ${each.number} of ${each.producer} ${fault}`)
  }
  for (const { name, group } of producers) {
    const last = told.filter((each) => each.producer === name && isShown(each, stored)).at(-1)
    const offset = await broker.patiently((client) => committedOffset(client, group))
    if (offset !== (last?.number ?? -1))
      violations.push(`${group} is at ${offset}, the records of ${name} at ${last?.number}`)
  }
}

const recordsOf = ({ producer, number, records }: Told) =>
  Array.from({ length: records }, (_, i) => `${producer} ${number} ${i}`)

function isShown(told: Told, stored: readonly string[][]): boolean {
  const prefix = `${told.producer} ${told.number} `
  return stored.some((values) => values.some((value) => value.startsWith(prefix)))
}

function faultOf(told: Told, stored: readonly string[][]): string | undefined {
  const prefix = `${told.producer} ${told.number} `
  const shown = stored.map((values) => values.filter((value) => value.startsWith(prefix)).join())
  const whole = recordsOf(told).join()
  const isThere = isShown(told, stored)
  if (isThere && shown.some((each) => each !== whole)) return `is torn: ${shown.join(' | ')}`
  if (isThere && (!told.wantsCommit || told.end === 'aborted')) return 'is shown and was aborted'
  if (!isThere && told.end === 'committed' && told.records > 0) return 'was committed and is lost'
  return undefined
}

async function committedOffset(client: WireClient, groupId: string): Promise<number> {
  const answer = await client.call(offsetFetch, 7, {
    groupId,
    topics: [{ name: topic, partitions: [0] }],
    groups: [],
    requireStable: true,
  })
  const found = answer.topics[0]?.partitions[0]
  if (found?.errorCode !== 0) throw new OperatingError(`offsets: ${found?.errorCode}`)
  return found.offset
}
