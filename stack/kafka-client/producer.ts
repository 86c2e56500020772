// Sending, idempotent and acks=all. Records are routed by key, cut into batches, and sent with one request in flight
// per leader; a request that failed in a way that may pass is sent again, the same bytes with the same sequence, so
// that a broker which had written it drops the copy. After one that failed for good, sequences start anew with a new
// producer id.

import { invariant } from '../base/invariant.ts'
import { MiB } from '../base/units.ts'
import { errorCodes } from '../kafka/protocol/errors.ts'
import { initProducerId, produce } from '../kafka/protocol/messages/data.ts'
import { encodeBatch, recordBytesAtMost } from './batch-encoder.ts'
import type { ProducerIdentity } from './batch-encoder.ts'
import type { ClusterOptions } from './cluster.ts'
import { Cluster, failed, mayPass, refused } from './cluster.ts'
import { partitionForKey } from './partitioner.ts'
import type { OutgoingRecord } from './records.ts'
import { partitionName } from './records.ts'
import { RequestRoom } from './request-room.ts'

export interface ProducerOptions extends ClusterOptions {
  /** How long a send is tried again before it fails. */
  patienceMs?: number
}

export interface TopicRecords {
  topic: string
  records: readonly OutgoingRecord[]
}

export interface KafkaProducer {
  /** Resolves when every record is durable (acks=all). Sends are queued and keep their order. */
  send(batches: readonly TopicRecords[]): Promise<void>
  partitionCount(topic: string): Promise<number>
  close(): Promise<void>
}

/** Versions that Kafka from 2.1 to 4, Redpanda and the embedded broker all speak. */
const versions = { produce: 7, initProducerId: 1 } as const
/** Of one batch, counted so that text of any script stays below max.message.bytes (1 MiB); ASCII gives a third. */
const batchRecordsMax = 2000
const batchBytesMax = 1_000_000
/** Of one request over all its partitions. */
const requestBytesMax = 4 * MiB
const defaultPatienceMs = 40_000

interface Batch {
  topic: string
  partition: number
  bytes: Buffer
}

export async function createProducer(options: ProducerOptions): Promise<KafkaProducer> {
  const producer = new Producer(options)
  await producer.identify()
  return producer
}

class Producer implements KafkaProducer {
  readonly #options: ProducerOptions
  readonly #cluster: Cluster
  #identity: ProducerIdentity = { producerId: -1, producerEpoch: -1 }
  #sequences = new Map<string, number>()
  readonly #room = new RequestRoom(requestBytesMax + batchBytesMax)
  #tail: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: ProducerOptions) {
    this.#options = options
    this.#cluster = new Cluster(options)
  }

  send(batches: readonly TopicRecords[]): Promise<void> {
    invariant(!this.#closed, 'send on a closed producer')
    const sent = this.#tail.then(() => this.#sendAll(batches))
    this.#tail = sent.catch(() => {})
    return sent
  }

  async partitionCount(topic: string): Promise<number> {
    if (this.#cluster.leaders(topic) === undefined)
      await this.#patiently(topic, () => this.#cluster.refresh([topic]))
    return (this.#cluster.leaders(topic) as readonly number[]).length
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#tail
    this.#cluster.disconnect()
  }

  /** A producer id of its own, and sequences from 0. */
  async identify(): Promise<void> {
    await this.#patiently('a producer id', async () => {
      const connection = await this.#cluster.any()
      const request = {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
        producerId: -1,
        producerEpoch: -1,
      }
      const answer = await connection.request(initProducerId, versions.initProducerId, request)
      if (answer.errorCode !== errorCodes.NONE) throw refused('a producer id', answer.errorCode)
      this.#identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
      this.#sequences.clear()
    })
  }

  async #sendAll(batches: readonly TopicRecords[]): Promise<void> {
    const queues: { topic: string; partition: number; records: OutgoingRecord[]; next: number }[] =
      []
    // A partition may stand in a request once: Kafka keeps one of two and acknowledges both.
    for (const [topic, parts] of Map.groupBy(batches, (batch) => batch.topic)) {
      const records = parts.flatMap((part) => part.records)
      const count = await this.partitionCount(topic)
      byPartition(records, count).forEach((list, partition) => {
        if (list.length > 0) queues.push({ topic, partition, records: list, next: 0 })
      })
    }
    try {
      for (;;) {
        const request: Batch[] = []
        this.#room.clear()
        let bytes = 0
        for (const queue of queues) {
          if (queue.next === queue.records.length || bytes >= requestBytesMax) continue
          const batch = this.#nextBatch(queue)
          bytes += batch.bytes.length
          request.push(batch)
        }
        if (request.length === 0) return
        await this.#sendBatches(request)
      }
    } catch (error) {
      await this.identify()
      throw error
    }
  }

  #nextBatch(queue: {
    topic: string
    partition: number
    records: OutgoingRecord[]
    next: number
  }): Batch {
    const { topic, partition, records } = queue
    let bytes = 0
    let to = queue.next
    while (to < records.length && to - queue.next < batchRecordsMax) {
      bytes += recordBytesAtMost(records[to] as OutgoingRecord)
      if (to > queue.next && bytes > batchBytesMax) break
      to++
    }
    const name = partitionName({ topic, partition })
    const sequence = this.#sequences.get(name) ?? 0
    const part = records.slice(queue.next, to)
    queue.next = to
    // Sequences wrap from 2^31 - 1 to 0.
    this.#sequences.set(name, (sequence + part.length) % 2 ** 31)
    const nowMs = this.#options.clock.now()
    const allocate = (size: number): Buffer => this.#room.take(size)
    return { topic, partition, bytes: encodeBatch(part, this.#identity, sequence, nowMs, allocate) }
  }

  /** Until every batch is acknowledged; the ones that are not go again. */
  async #sendBatches(batches: readonly Batch[]): Promise<void> {
    let left = batches
    const where = [...new Set(batches.map(({ topic }) => topic))].join(', ')
    await this.#patiently(where, async () => {
      const answers = await Promise.allSettled(
        [...this.#byLeader(left)].map(([leader, part]) => this.#request(leader, part)),
      )
      left = answers.flatMap((answer, i) =>
        answer.status === 'fulfilled'
          ? answer.value
          : ([...this.#byLeader(left)][i] as [number, Batch[]])[1],
      )
      const failed = answers.find((answer) => answer.status === 'rejected')
      if (failed) throw failed.reason
      if (left.length > 0) throw refused(where, errorCodes.NOT_LEADER_OR_FOLLOWER)
    })
  }

  /** Answers the batches that may be tried again; throws at what no try mends. */
  async #request(leader: number, batches: readonly Batch[]): Promise<Batch[]> {
    if (leader < 0) return [...batches]
    const connection = await this.#cluster.node(leader)
    const topics = Map.groupBy(batches, ({ topic }) => topic)
    const answer = await connection.request(produce, versions.produce, {
      transactionalId: null,
      acks: -1,
      timeoutMs: 30_000,
      topics: [...topics].map(([name, part]) => ({
        name,
        partitions: part.map(({ partition, bytes }) => ({ index: partition, records: bytes })),
      })),
    })
    const codes = new Map(
      answer.responses.flatMap(({ name, partitions }) =>
        partitions.map((each) => [
          partitionName({ topic: name, partition: each.index }),
          each.errorCode,
        ]),
      ),
    )
    return batches.filter((batch) => {
      const code = codes.get(partitionName(batch)) ?? errorCodes.UNKNOWN_SERVER_ERROR
      if (code === errorCodes.NONE || code === errorCodes.DUPLICATE_SEQUENCE_NUMBER) return false
      if (mayPass(code)) return true
      throw refused(partitionName(batch), code)
    })
  }

  #byLeader(batches: readonly Batch[]): Map<number, Batch[]> {
    return Map.groupBy(batches, ({ topic, partition }) => this.#cluster.leaderOf(topic, partition))
  }

  async #patiently(where: string, work: () => Promise<void>): Promise<void> {
    try {
      await this.#cluster.patiently(this.#options.patienceMs ?? defaultPatienceMs, work)
    } catch (error) {
      throw failed('records could not be written', where, error)
    }
  }
}

function byPartition(records: readonly OutgoingRecord[], count: number): OutgoingRecord[][] {
  const partitions: OutgoingRecord[][] = Array.from({ length: count }, () => [])
  let next = 0
  for (const record of records) {
    const chosen = record.partition ?? (record.key === null ? next++ % count : undefined)
    const partition = chosen ?? partitionForKey(record.key as string | Buffer, count)
    const list = partitions[partition]
    invariant(list, `partition ${partition} of ${count}`)
    list.push(record)
  }
  return partitions
}
