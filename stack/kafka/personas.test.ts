// The broker as another one (`--as`): what it advertises, what it refuses, and that clients work with it.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Consumer as PlatformaticConsumer,
  Producer as PlatformaticProducer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UsageError } from '../base/errors.ts'
import { advertisedBy, personaNames } from './personas.ts'
import { errorCodes } from './protocol/errors.ts'
import { apiVersions } from './protocol/messages/cluster.ts'
import { produce } from './protocol/messages/data.ts'
import { apiTable } from './protocol/messages/index.ts'
import { buildBatch } from './protocol/record-batch.ts'
import type { RunningBroker } from './start.ts'
import { startBroker } from './start.ts'
import { decodeResponse, encodeRequest, WireClient } from './wire-client.ts'
import { produceOf } from './wire-requests.ts'

const client = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }

test('a broker that nobody knows is refused with the names of those known', async () => {
  const started = startBroker({ dataDir: join(tmpdir(), 'never-made'), as: 'kafka-0.8' })
  await expect(started).rejects.toThrow(UsageError)
  await expect(started).rejects.toMatchObject({
    message: 'the broker cannot answer as "kafka-0.8"',
    hint: `use one of ${personaNames.join(', ')}`,
  })
})

test('every API that is served has its row', () => {
  const missing = apiTable.filter(({ name }) => advertisedBy('kafka-4.3', name) === undefined)
  expect(missing.map(({ name }) => name)).toEqual([])
})

describe.each(personaNames)('as %s', (persona) => {
  let dataDir = ''
  let broker: RunningBroker

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'slipway-persona-'))
    broker = await startBroker({ dataDir, as: persona, durability: 'none' })
  })

  afterAll(async () => {
    await broker.close()
    await rm(dataDir, { recursive: true, force: true })
  })

  test('it advertises what both have, of every API', async () => {
    using wire = await WireClient.connect(broker.port)
    const { apiKeys } = await wire.call(apiVersions, 3, client)
    const told = new Map(apiKeys.map(({ apiKey, ...range }) => [apiKey, range]))
    for (const { key, name, advertisedFrom, to } of apiTable) {
      const theirs = advertisedBy(persona, name)
      const both = theirs && {
        minVersion: Math.max(theirs.lowest, advertisedFrom),
        maxVersion: Math.min(theirs.highest, to),
      }
      expect([name, told.get(key)]).toEqual([name, both])
      told.delete(key)
    }
    expect(told.size).toBe(0)
  })

  test('a version above closes the connection', async () => {
    using wire = await WireClient.connect(broker.port)
    const above = (advertisedBy(persona, 'Produce')?.highest ?? 0) + 1
    const request = produceOf('t', buildBatch({ records: [] }))
    await expect(wire.call(produce, above, request)).rejects.toThrow('the connection closed')
    await wire.closed
  })

  test('an ApiVersions above is answered in version 0 with UNSUPPORTED_VERSION', async () => {
    using wire = await WireClient.connect(broker.port)
    const above = (advertisedBy(persona, 'ApiVersions')?.highest ?? 0) + 1
    const { errorCode, apiKeys } = await refusal(wire, above)
    expect(errorCode).toBe(errorCodes.UNSUPPORTED_VERSION)
    const { apiKeys: all } = await wire.call(apiVersions, 0, client)
    const own = all.filter(({ apiKey }) => apiKey === apiVersions.key)
    expect(apiKeys).toEqual(persona === 'redpanda-26.1' ? all : own)
  })

  test('kafkajs produces, commits and consumes', async () => {
    const kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING })
    const producer = kafka.producer({ idempotent: true, transactionalId: 'tx' })
    const consumer = kafka.consumer({ groupId: 'kafkajs-group', maxWaitTimeInMs: 100 })
    const values: string[] = []
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'kafkajs', messages: [{ value: 'a' }, { value: 'b' }] })
    await transaction.commit()
    await consumer.connect()
    await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => void values.push(String(message.value)),
    })
    await expect.poll(() => values, { timeout: 20_000 }).toEqual(['a', 'b'])
    await Promise.all([producer.disconnect(), consumer.disconnect()])
  })

  test('@platformatic/kafka produces and consumes in a group', async () => {
    const options = { clientId: 'other', bootstrapBrokers: [broker.address] }
    const producer = new PlatformaticProducer({
      ...options,
      serializers: stringSerializers,
      autocreateTopics: true,
    })
    const consumer = new PlatformaticConsumer({
      ...options,
      groupId: 'platformatic-group',
      deserializers: stringDeserializers,
    })
    const messages = ['a', 'b', 'c'].map((value) => ({ topic: 'platformatic', key: 'k', value }))
    await producer.send({ messages })
    const stream = await consumer.consume({ topics: ['platformatic'], mode: 'earliest' })
    const values: string[] = []
    for await (const { value } of stream) {
      values.push(value)
      if (values.length === messages.length) break
    }
    expect(values).toEqual(['a', 'b', 'c'])
    await Promise.all([producer.close(), consumer.close(true)])
  })
})

/** A request that no table describes, and its answer, which has to be in version 0. */
async function refusal(wire: WireClient, version: number) {
  const request = encodeRequest(apiVersions, apiVersions.to, client)
  request.writeInt16BE(version, 6)
  return decodeResponse(apiVersions, 0, await wire.exchange(request))
}
