// Requests that are almost right, by the hundred thousand: valid ones of every API and version, and then something done
// to their bytes. Whatever comes, the broker goes on, takes no more memory than before, and a bystander on another
// connection is served as if nothing were wrong.

import { connect } from 'node:net'
import { once } from 'node:events'
import { systemClock } from '../base/clock.ts'
import { messageOf } from '../base/errors.ts'
import { Random } from '../base/random.ts'
import { BrokerProcess } from './broker-process.ts'
import type { Api } from './protocol/api.ts'
import { crc32c } from './protocol/crc32c.ts'
import { FrameReader } from './protocol/frames.ts'
import { apiVersions } from './protocol/messages/cluster.ts'
import { fetch, produce } from './protocol/messages/data.ts'
import { joinGroup, offsetCommit } from './protocol/messages/group.ts'
import { apiTable } from './protocol/messages/index.ts'
import { createTopics } from './protocol/messages/topics.ts'
import { addPartitionsToTxn, endTxn } from './protocol/messages/transactions.ts'
import { buildBatch } from './protocol/record-batch.ts'
import { sampleValue } from './protocol/sample-message.ts'
import { encodeRequest, WireClient } from './wire-client.ts'
import { fetchOf, newTopicOf, offsetOf, produceOf } from './wire-requests.ts'

export interface FuzzOptions {
  dataDir: string
  frames: number
  seed: number
  /** With it nobody gets past the login. */
  usersFile?: string
}

export interface FuzzResult {
  /** Answered: what was done to them still makes sense, or has an error code. */
  answered: number
  /** Not understood: the connection was closed. */
  closed: number
  /** Left waiting, as a fetch for records that do not come. */
  left: number
  /** Resident memory after each tenth. */
  residentMb: number[]
  violations: string[]
}

const workers = 6
/** On one connection, in one go: those behind one that is not understood are not looked at, and do not count. */
const burst = 3
const waitMs = 250
const bystanderMs = 10_000
const lastId = 0x7f5f_1e57
const topic = 'fuzz'
const own = 'bystander'

export async function fuzz({ dataDir, frames, seed, usersFile }: FuzzOptions): Promise<FuzzResult> {
  const login = usersFile === undefined ? [] : ['--users', usersFile]
  const broker = new BrokerProcess({
    dataDir,
    flags: ['--durability', 'none', '--no-auto-create', ...login],
    // What leaks ends the process.
    nodeFlags: ['--max-old-space-size=128'],
  })
  await broker.start()
  const random = new Random(`fuzz/${seed}`)
  const result: FuzzResult = {
    answered: 0,
    closed: 0,
    left: 0,
    residentMb: [],
    violations: [],
  }
  try {
    const bystander = usersFile === undefined ? new Bystander(broker.port) : undefined
    await bystander?.open()
    const valid = validRequests()
    for (let tenth = 1; tenth <= 10 && result.violations.length === 0; tenth++) {
      const until = (frames * tenth) / 10
      const work = Array.from({ length: workers }, async (_, i) => {
        const fork = random.fork(`${tenth}/${i}`)
        while (seen(result) < until) await sendBurst(broker.port, valid, fork, result)
      })
      await Promise.all([...work, bystander?.look()])
      const residentMb = broker.residentMb()
      if (residentMb !== undefined) result.residentMb.push(Math.round(residentMb))
    }
    if (broker.ended !== undefined) result.violations.push(`the broker ended: ${broker.ended}`)
    bystander?.close()
  } catch (error) {
    const ended = broker.ended === undefined ? '' : `; the broker ended: ${broker.ended}`
    result.violations.push(messageOf(error) + ended)
  } finally {
    await broker.kill()
  }
  return result
}

/** A few requests and a good one behind them, which tells that the broker is through with them. */
async function sendBurst(
  port: number,
  valid: readonly Buffer[],
  random: Random,
  result: FuzzResult,
): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const frames = new FrameReader(64 << 20)
  const ended = new Promise<'closed' | 'answered'>((resolve) => {
    socket.on('close', () => resolve('closed'))
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      for (let frame = frames.next(); frame; frame = frames.next()) {
        if (frame.readInt32BE(0) === lastId) resolve('answered')
        else result.answered++
      }
    })
  })
  for (let i = 0; i < burst; i++) socket.write(spoiled(valid, random))
  socket.write(encodeRequest(apiVersions, 0, nobody, lastId))
  const aborted = new AbortController()
  const how = await Promise.race([
    ended,
    systemClock.sleep(waitMs, aborted.signal).then(() => 'left' as const),
  ])
  aborted.abort()
  if (how !== 'answered') result[how]++
  socket.resetAndDestroy()
}

const seen = ({ answered, closed, left }: FuzzResult) => answered + closed + left

const nobody = { clientSoftwareName: 'fuzz', clientSoftwareVersion: '1' }

/** Every API in every version, and some that get far: they name the topic that is there, with records in every codec. */
function validRequests(): Buffer[] {
  const samples = apiTable.flatMap((api) =>
    Array.from({ length: api.to - api.from + 1 }, (_, i) => {
      const version = api.from + i
      return encodeRequest(api, version, sampleValue(api.request.shape, version))
    }),
  )
  return [...samples, ...Array.from({ length: 8 }, farReaching).flat()]
}

function farReaching(): Buffer[] {
  const batch = buildBatch({
    records: ['one', 'two'].map((value) => ({
      key: Buffer.from('k'),
      value: Buffer.from(value),
      timestampMs: 1,
    })),
  })
  const transactional = { transactionalId: 'tx', producerId: 0, producerEpoch: 0 }
  return [
    encode(produce, 7, produceOf(topic, batch)),
    encode(produce, 11, produceOf(topic, batch)),
    encode(fetch, 12, fetchOf(topic, { minBytes: 0 })),
    encode(offsetCommit, 8, offsetOf('g', topic, 0, 1)),
    encode(joinGroup, 7, {
      groupId: 'g',
      sessionTimeoutMs: 6000,
      rebalanceTimeoutMs: 10,
      memberId: '',
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
      reason: null,
    }),
    encode(addPartitionsToTxn, 3, {
      ...transactional,
      topics: [{ name: topic, partitions: [0] }],
    }),
    encode(endTxn, 3, { ...transactional, commits: false }),
  ]
}

function encode<Request>(api: Api<Request, unknown>, version: number, request: Request): Buffer {
  return encodeRequest(api, version, request)
}

type Spoil = (frame: Buffer, random: Random) => Buffer

const numbers = [-1, 0, 1, -(2 ** 31), 2 ** 31 - 1, 65_535, 1 << 24, 1 << 30]
/** Size, API key, version, correlation id: what most changes leave alone, so that they get past the header. */
const headerBytes = 12

/** What is done to a request. Sizes fit again afterwards, but where the size itself is what is wrong. */
const spoils: readonly (readonly [weight: number, spoil: Spoil])[] = [
  [30, (frame, random) => withBits(frame, random, 1 + random.int(4), headerBytes)],
  [20, withNumber],
  [10, (frame, random) => sized(frame.subarray(0, 4 + random.int(frame.length - 3)))],
  [10, (frame, random) => sized(Buffer.concat([frame, garbage(random, 1 + random.int(40))]))],
  [10, withoutSome],
  [10, withVersion],
  [5, (frame, random) => withBits(frame, random, 1, 4)],
  [4, (_, random) => sized(Buffer.concat([Buffer.alloc(4), garbage(random, random.int(200))]))],
  [1, withSize],
  [20, withRecords],
]
const weights = spoils.map(([weight]) => weight)

function spoiled(valid: readonly Buffer[], random: Random): Buffer {
  const [, spoil] = spoils[random.weighted(weights)] as (typeof spoils)[number]
  return spoil(Buffer.from(random.pick(valid)), random)
}

function sized(frame: Buffer): Buffer {
  frame.writeInt32BE(frame.length - 4)
  return frame
}

function garbage(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.int(256)))
}

function withBits(frame: Buffer, random: Random, count: number, from: number): Buffer {
  for (let i = 0; i < count; i++) {
    const at = from + random.int(frame.length - from)
    frame[at] = (frame[at] as number) ^ (1 << random.int(8))
  }
  return frame
}

function withNumber(frame: Buffer, random: Random): Buffer {
  const at = headerBytes + random.int(Math.max(1, frame.length - headerBytes - 4))
  if (at + 4 <= frame.length) frame.writeInt32BE(random.pick(numbers), at)
  return frame
}

function withoutSome(frame: Buffer, random: Random): Buffer {
  const at = headerBytes + random.int(Math.max(1, frame.length - headerBytes))
  const rest = frame.subarray(Math.min(frame.length, at + 1 + random.int(8)))
  return sized(Buffer.concat([frame.subarray(0, at), rest]))
}

/** A request read as one of another version of its API. */
function withVersion(frame: Buffer, random: Random): Buffer {
  frame.writeInt16BE(random.int(20), 6)
  return frame
}

function withSize(frame: Buffer, random: Random): Buffer {
  frame.writeInt32BE(random.pick(numbers))
  return frame
}

/** A batch with something wrong inside, whose checksum fits nevertheless. */
function withRecords(_: Buffer, random: Random): Buffer {
  const batch = buildBatch({
    records: Array.from({ length: 1 + random.int(3) }, () => ({
      key: null,
      value: garbage(random, random.int(30)),
      timestampMs: 1,
    })),
  })
  withBits(batch, random, 1 + random.int(4), random.pick([12, 21, 57, 61]))
  if (random.chance(0.5)) batch[22] = random.int(8)
  if (random.chance(0.9)) batch.writeUInt32BE(crc32c(batch, 21), 17)
  return encode(produce, random.pick([7, 9, 11]), produceOf(topic, batch))
}

/** Somebody with nothing but good requests. */
class Bystander {
  readonly #port: number
  #client: WireClient | undefined
  #written = 0

  constructor(port: number) {
    this.#port = port
  }

  async open(): Promise<void> {
    this.#client = await WireClient.connect(this.#port)
    for (const name of [topic, own]) await this.#client.call(createTopics, 4, newTopicOf(name))
  }

  close(): void {
    this.#client?.close()
  }

  /** Writes a record and reads it where it must be, on the connection that it has had from the beginning. */
  async look(): Promise<void> {
    const client = this.#client as WireClient
    const value = Buffer.from(`record ${this.#written}`)
    const records = buildBatch({ records: [{ key: null, value, timestampMs: 1 }] })
    const written = await timely(client.call(produce, 7, produceOf(own, records)))
    const offset = written.responses[0]?.partitions[0]?.baseOffset
    if (offset !== this.#written) throw new Error(`a bystander's record is at ${offset}`)
    const read = await timely(client.call(fetch, 11, fetchOf(own, { offset })))
    const bytes = Buffer.concat(read.responses[0]?.partitions[0]?.records ?? [])
    if (!bytes.includes(value)) throw new Error(`a bystander's record ${offset} is not there`)
    this.#written++
  }
}

async function timely<T>(answer: Promise<T>): Promise<T> {
  const aborted = new AbortController()
  const late = systemClock.sleep(bystanderMs, aborted.signal).then(() => {
    throw new Error(`a bystander waited for ${bystanderMs} ms`)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    aborted.abort()
    late.catch(() => {})
  }
}
