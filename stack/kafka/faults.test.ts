// What tests can make go wrong: late, refused, unanswered, cut off.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { routeByKey } from './apis/index.ts'
import type { Fault } from './faults.ts'
import { errorCodes } from './protocol/errors.ts'
import { listOffsets, produce } from './protocol/messages/data.ts'
import { createTopics } from './protocol/messages/topics.ts'
import { buildBatch } from './protocol/record-batch.ts'
import { refusalOf } from './protocol/refusal.ts'
import { sampleValue } from './protocol/sample-message.ts'
import { Reader } from './protocol/reader.ts'
import { Writer } from './protocol/writer.ts'
import type { RunningBroker } from './start.ts'
import { startBroker } from './start.ts'
import { WireClient } from './wire-client.ts'
import { produceOf } from './wire-requests.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'slipway-faults-'))
let broker: RunningBroker

beforeAll(async () => {
  broker = await startBroker({ dataDir, durability: 'none', controlPort: 0, testControl: true })
  using client = await WireClient.connect(broker.port)
  const topic = {
    name: 'here',
    partitionCount: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }
  await client.call(createTopics, 5, { topics: [topic], timeoutMs: 1000, validateOnly: false })
})

afterAll(async () => {
  await broker.close()
  rmSync(dataDir, { recursive: true })
})

async function plan(...faults: Fault[]): Promise<Response> {
  return fetch(`http://127.0.0.1:${broker.controlPort}/control/faults`, {
    method: 'POST',
    body: JSON.stringify({ faults }),
  })
}

async function send(
  client: WireClient,
  value: string,
): Promise<{ errorCode: number; baseOffset: number }> {
  const records = buildBatch({
    records: [{ key: null, value: Buffer.from(value), timestampMs: 1 }],
  })
  const answer = await client.call(produce, 9, produceOf('here', records))
  const [found] = answer.responses[0]?.partitions ?? []
  return { errorCode: found?.errorCode ?? -2, baseOffset: found?.baseOffset ?? -2 }
}

async function endOffset(): Promise<number> {
  using client = await WireClient.connect(broker.port)
  const answer = await client.call(listOffsets, 7, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: 'here', partitions: [{ index: 0, currentLeaderEpoch: -1, timestampMs: -1 }] }],
    timeoutMs: 0,
  })
  return answer.topics[0]?.partitions[0]?.offset ?? -2
}

describe('a planned fault', () => {
  test('is answered with its code, and nothing was done', async () => {
    using client = await WireClient.connect(broker.port)
    const before = await endOffset()
    await plan({ method: 'Produce', code: 'NOT_ENOUGH_REPLICAS' })
    expect(await send(client, 'refused')).toEqual({
      errorCode: errorCodes.NOT_ENOUGH_REPLICAS,
      baseOffset: -1,
    })
    expect(await endOffset()).toBe(before)
    expect((await send(client, 'taken')).errorCode).toBe(0)
  })

  test('closes the connection before the work, or behind it', async () => {
    const before = await endOffset()
    for (const dropResponseAfterCommit of [false, true]) {
      using client = await WireClient.connect(broker.port)
      await plan({ method: 'Produce', instead: 'disconnect', dropResponseAfterCommit })
      await expect(send(client, 'cut off')).rejects.toThrow('the connection closed')
    }
    expect(await endOffset()).toBe(before + 1)
  })

  test('is silence, and the answers behind it come', async () => {
    using client = await WireClient.connect(broker.port)
    await plan({ method: 'Produce', instead: 'silence' })
    let isAnswered = false
    // The next answer is taken for this one's: the client counts them.
    const first = send(client, 'unanswered').then((answer) => {
      isAnswered = true
      return answer
    })
    await systemClock.sleep(100)
    expect(isAnswered).toBe(false)
    void send(client, 'answered').catch(() => {})
    expect((await first).errorCode).toBe(0)
  })

  test('is late by as long as it says, and the request outlives its frame', async () => {
    using client = await WireClient.connect(broker.port)
    using other = await WireClient.connect(broker.port)
    await plan({ method: 'Produce', delayMs: 200, match: 'wire' })
    const startMs = performance.now()
    const late = send(client, 'late')
    await systemClock.sleep(20)
    const quick = await Promise.all(Array.from({ length: 20 }, (_, i) => send(other, `x${i}`)))
    expect(performance.now() - startMs).toBeLessThan(200)
    const { errorCode, baseOffset } = await late
    expect(errorCode).toBe(0)
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(190)
    expect(baseOffset).toBe(Math.max(...quick.map((each) => each.baseOffset)) + 1)
    expect((await valuesFrom(baseOffset))[0]).toBe('late')
  })

  test('of no known code is refused', async () => {
    using client = await WireClient.connect(broker.port)
    const answer = await plan({ method: 'Produce', code: 'NO_SUCH_CODE' as Fault['code'] & string })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ error: 'there is no error code NO_SUCH_CODE' })
    expect((await send(client, 'as ever')).errorCode).toBe(0)
  })

  test('is got over by a client that tries again', async () => {
    const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
    const producer = kafka.producer()
    await producer.connect()
    await plan(
      { method: 'Produce', code: 'NOT_LEADER_OR_FOLLOWER', times: 2 },
      { method: 'Metadata', instead: 'disconnect' },
    )
    const before = await endOffset()
    await producer.send({ topic: 'here', messages: [{ value: 'once' }] })
    await producer.disconnect()
    expect(await endOffset()).toBe(before + 1)
  })
})

async function valuesFrom(offset: number): Promise<string[]> {
  const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: `g${offset}`, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic: 'here', fromBeginning: true })
  const values: string[] = []
  await new Promise<void>((resolve) => {
    void consumer.run({
      eachMessage: async ({ message }) => {
        if (Number(message.offset) < offset) return
        values.push(String(message.value))
        resolve()
      },
    })
  })
  await consumer.disconnect()
  return values
}

test.each([...routeByKey.values()].map(({ api }) => api))(
  '$name has an answer that refuses everything',
  (api) => {
    for (let version = api.from; version <= api.to; version++) {
      const how = { number: version, flexible: version >= api.flexibleFrom }
      const request = sampleValue(api.request.shape, version)
      const writer = new Writer()
      api.response.write(writer, refusalOf(api, request, errorCodes.POLICY_VIOLATION), how)
      const codes: number[] = []
      JSON.stringify(
        api.response.read(new Reader(Buffer.concat(writer.buffers())), how),
        (name, value) => {
          if (name === 'errorCode') codes.push(value as number)
          return value as unknown
        },
      )
      // 0 is what a reader finds in a version that has no such field.
      expect(new Set(codes.filter((code) => code !== 0))).toEqual(
        new Set([errorCodes.POLICY_VIOLATION]),
      )
    }
  },
)
