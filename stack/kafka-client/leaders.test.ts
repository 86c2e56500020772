// What a cluster does once in a while, had at will from scripted brokers: reading and writing go on without a gap.

import { expect, test } from 'vitest'
import { createLogger } from '../base/logger.ts'
import { encodeBatch } from './batch-encoder.ts'
import { connectKafka } from './connect.ts'
import { scriptedTopic, ScriptedBrokers } from './scripted-brokers.ts'

const at = { topic: scriptedTopic, partition: 0 }

function batchOf(value: string): Buffer {
  return encodeBatch(
    [{ key: 'k', value }],
    { producerId: -1, producerEpoch: 0 },
    0,
    1_700_000_000_000,
  )
}

async function brokersWith(...values: string[]): Promise<ScriptedBrokers> {
  const brokers = await ScriptedBrokers.start()
  for (const value of values) brokers.append(batchOf(value))
  return brokers
}

/** A reader of the partition, what it was handed and what it said about that. */
async function readerOf(
  brokers: ScriptedBrokers,
  { offset = 0, from = 'beginning' }: { offset?: number; from?: 'beginning' | 'end' } = {},
) {
  const values: string[] = []
  const said: string[] = []
  let nextOffset = offset
  const port = connectKafka({
    brokers: brokers.addresses,
    clientId: 'test',
    logger: createLogger({ part: 'test', write: (line) => void said.push(line) }),
  })
  const consumer = await port.consume({
    groupId: '',
    topics: [],
    assign: [at],
    from,
    onAssigned: async () => [{ ...at, offset: nextOffset }],
    onBatch: async (batch) => {
      values.push(...batch.records.map(({ value }) => String(value)))
      nextOffset = batch.nextOffset
    },
    onCrash: (error) => void said.push(error.message),
  })
  return { values, said, [Symbol.asyncDispose]: () => consumer.close() }
}

test('a reader follows a leader that moves, without a gap and without a repetition', async () => {
  await using brokers = await brokersWith('a', 'b', 'c')
  await using reader = await readerOf(brokers)
  await expect.poll(() => reader.values).toEqual(['a', 'b', 'c'])
  brokers.leader = 1
  for (const value of ['d', 'e']) brokers.append(batchOf(value))
  await expect.poll(() => reader.values).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(brokers.fetched.at(-1)?.node).toBe(1)
})

test('a writer follows a leader that moves; what the old one refused is written once', async () => {
  await using brokers = await brokersWith()
  const port = connectKafka({ brokers: brokers.addresses, clientId: 'test' })
  const producer = await port.producer()
  const send = (value: string) =>
    producer.send([{ topic: scriptedTopic, records: [{ key: 'k', value }] }])
  await send('a')
  brokers.leader = 1
  await send('b')
  await producer.close()
  expect(brokers.produced).toEqual([0, 0, 1])
  await using reader = await readerOf(brokers)
  await expect.poll(() => reader.values).toEqual(['a', 'b'])
})

test.each([
  ['beginning', ['c', 'd']],
  ['end', ['d']],
] as const)(
  'records that are gone are said, and reading goes on at the %s',
  async (from, expected) => {
    await using brokers = await brokersWith('a', 'b', 'c')
    brokers.logStart = 2
    await using reader = await readerOf(brokers, { from, offset: 1 })
    await expect.poll(() => reader.said.join()).toContain('records are gone')
    brokers.append(batchOf('d'))
    await expect.poll(() => reader.values).toEqual(expected)
  },
)

test('an offset beyond the end is none that is there either', async () => {
  await using brokers = await brokersWith('a')
  await using reader = await readerOf(brokers, { offset: 7 })
  await expect.poll(() => reader.values).toEqual(['a'])
})

test('a batch whose checksum is wrong is not handed over: it is said and asked for again', async () => {
  await using brokers = await brokersWith('a', 'bbbb', 'c')
  const damaged = Buffer.from(brokers.log[1] as Buffer)
  damaged.write('bxbb', damaged.indexOf('bbbb'))
  brokers.damaged.set(1, damaged)
  await using reader = await readerOf(brokers)
  await expect.poll(() => reader.values).toEqual(['a', 'bbbb', 'c'])
  expect(reader.said.join()).toContain('scripted-0: a wrong checksum in the batch at offset 1')
})
