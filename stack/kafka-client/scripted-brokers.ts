// For tests: two brokers that hold one partition and do what is said, so that what a real cluster does once in a while
// can be had at will: its leader moves, its oldest records are gone, a byte of a batch is not what it was.

import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { systemClock } from '../base/clock.ts'
import type { Api } from '../kafka/protocol/api.ts'
import { errorCodes } from '../kafka/protocol/errors.ts'
import { FrameReader } from '../kafka/protocol/frames.ts'
import { metadata } from '../kafka/protocol/messages/cluster.ts'
import { fetch, initProducerId, listOffsets, produce } from '../kafka/protocol/messages/data.ts'
import { Reader } from '../kafka/protocol/reader.ts'
import { placeBatch, readBatchHeader } from '../kafka/protocol/record-batch.ts'
import { nullableString } from '../kafka/protocol/types.ts'
import { Writer } from '../kafka/protocol/writer.ts'

export const scriptedTopic = 'scripted'
const frameBytesMax = 1024 * 1024
/** How long a fetch that finds nothing is held. */
const heldMs = 20

type Answer = (request: never, node: number) => unknown

export class ScriptedBrokers implements AsyncDisposable {
  /** Node that leads the partition; the other one refuses. */
  leader = 0
  /** Oldest offset that is there. */
  logStart = 0
  /** Whole batches, each of one record. */
  readonly log: Buffer[] = []
  /** What a fetch hands out instead of the batch at this offset, once. */
  damaged = new Map<number, Buffer>()
  /** Node and offset of each fetch, and node of each produce. */
  readonly fetched: { node: number; offset: number }[] = []
  readonly produced: number[] = []
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()

  static async start(): Promise<ScriptedBrokers> {
    const brokers = new ScriptedBrokers()
    for (const node of [0, 1]) {
      const server = createServer((socket) => brokers.#serve(socket, node))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      brokers.#servers.push(server)
    }
    return brokers
  }

  get addresses(): string[] {
    return this.#ports.map((port) => `127.0.0.1:${port}`)
  }

  get #ports(): number[] {
    return this.#servers.map((server) => (server.address() as AddressInfo).port)
  }

  /** At the end of the log; the batch holds one record. */
  append(batch: Buffer): void {
    placeBatch(batch, 0, this.log.length, 0)
    this.log.push(batch)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    )
  }

  #serve(socket: Socket, node: number): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    const frames = new FrameReader(frameBytesMax)
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      for (let frame = frames.next(); frame; frame = frames.next())
        this.#answer(socket, frame, node)
    })
  }

  #answer(socket: Socket, frame: Buffer, node: number): void {
    const reader = new Reader(Buffer.from(frame))
    const [key, number, correlationId] = [reader.int16(), reader.int16(), reader.int32()]
    const found = this.#apis.find(([each]) => each.key === key)
    if (found === undefined) return void socket.destroy()
    // None of them is flexible in the versions that the port speaks.
    const version = { number, flexible: false }
    nullableString.read(reader, version)
    const [api, answer] = found
    const request = api.request.read(reader, version)
    const writer = new Writer()
    writer.int32(0)
    writer.int32(correlationId)
    const response = answer(request as never, node)
    api.response.write(writer, response, version)
    writer.patchInt32(0, writer.length - 4)
    const bytes = Buffer.concat(writer.buffers())
    const isEmptyFetch = key === fetch.key && bytes.length < 100
    void systemClock.sleep(isEmptyFetch ? heldMs : 0).then(() => socket.write(bytes))
  }

  readonly #apis: readonly (readonly [Api<unknown, unknown>, Answer])[] = [
    [metadata, () => this.#metadata()],
    [initProducerId, () => ({ ...noError, producerId: 1, producerEpoch: 0 })],
    [listOffsets, (request) => this.#offsets(request)],
    [fetch, (request, node) => this.#fetch(request, node)],
    [produce, (request, node) => this.#produce(request, node)],
  ]

  #metadata() {
    const partition = { ...noError, index: 0, leaderId: this.leader, leaderEpoch: 0 }
    const all = { replicas: [0, 1], inSyncReplicas: [0, 1], offlineReplicas: [] }
    return {
      ...noError,
      brokers: this.#ports.map((port, nodeId) => ({ nodeId, host: '127.0.0.1', port, rack: null })),
      clusterId: 'scripted',
      controllerId: 0,
      topics: [
        {
          ...noError,
          name: scriptedTopic,
          isInternal: false,
          partitions: [{ ...partition, ...all }],
        },
      ],
    }
  }

  #offsets({ topics: [topic] }: { topics: { partitions: { timestampMs: number }[] }[] }) {
    const isEarliest = topic?.partitions[0]?.timestampMs === -2
    const offset = isEarliest ? this.logStart : this.log.length
    return this.#of({ ...noError, timestampMs: -1, offset }, 'topics')
  }

  #fetch(
    { topics: [topic] }: { topics: { partitions: { fetchOffset: number }[] }[] },
    node: number,
  ) {
    const offset = topic?.partitions[0]?.fetchOffset ?? 0
    this.fetched.push({ node, offset })
    const records = node === this.leader && offset >= this.logStart ? this.#from(offset) : []
    const partition = {
      errorCode: this.#errorOf(node, offset),
      highWatermark: this.log.length,
      lastStableOffset: this.log.length,
      logStartOffset: this.logStart,
      abortedTransactions: null,
      preferredReadReplica: -1,
      records,
    }
    return this.#of(partition, 'responses')
  }

  /** One batch at a time. */
  #from(offset: number): Buffer[] {
    const batch = this.damaged.get(offset) ?? this.log[offset]
    this.damaged.delete(offset)
    return batch === undefined ? [] : [batch]
  }

  #errorOf(node: number, offset: number): number {
    if (node !== this.leader) return errorCodes.NOT_LEADER_OR_FOLLOWER
    const isThere = offset >= this.logStart && offset <= this.log.length
    return isThere ? errorCodes.NONE : errorCodes.OFFSET_OUT_OF_RANGE
  }

  #produce({ topics: [topic] }: { topics: { partitions: { records: Buffer }[] }[] }, node: number) {
    this.produced.push(node)
    const errorCode = node === this.leader ? errorCodes.NONE : errorCodes.NOT_LEADER_OR_FOLLOWER
    const baseOffset = this.log.length
    const batch = topic?.partitions[0]?.records
    if (errorCode === errorCodes.NONE && batch && readBatchHeader(batch).count === 1)
      this.append(Buffer.from(batch))
    return this.#of({ errorCode, baseOffset, logAppendTimeMs: -1, logStartOffset: 0 }, 'responses')
  }

  #of(partition: object, list: 'topics' | 'responses') {
    const partitions = [{ index: 0, ...partition }]
    return { ...noError, sessionId: 0, [list]: [{ name: scriptedTopic, partitions }] }
  }
}

const noError = { throttleTimeMs: 0, errorCode: errorCodes.NONE }
