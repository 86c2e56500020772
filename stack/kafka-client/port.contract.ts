// What the port promises, as a suite that runs against any broker: the embedded one, Apache Kafka, Redpanda.

import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { KafkaPort } from './connect.ts'
import type { OutgoingRecord, RecordBatch } from './records.ts'
import { partitionName } from './records.ts'

export function portContract(name: string, connect: () => Promise<KafkaPort>): void {
  describe(`the Kafka port on ${name}`, () => {
    test('records come back in order, with key, value, headers and time', async () => {
      const { port, topic } = await freshTopic(connect, 2)
      const producer = await port.producer()
      const records = numbered(1200)
      await producer.send([{ topic, records }])
      await producer.close()
      const read = await readAll(port, topic, 2)
      const ofPartition = (p: number) => records.filter((record) => record.partition === p)
      for (const p of [0, 1]) {
        const got = read.filter((batch) => batch.partition === p).flatMap((batch) => batch.records)
        expect(got.map((record) => record.value?.toString())).toEqual(
          ofPartition(p).map((record) => record.value),
        )
        expect(got[0]?.headers['h']?.toString()).toBe('1')
        expect(got[0]?.timestampMs).toBe(1_700_000_000_000)
      }
    })

    test('a topic that a send names twice gets the records of both', async () => {
      const { port, topic } = await freshTopic(connect, 1)
      const producer = await port.producer()
      const part = (value: string) => ({ topic, records: [{ key: 'k', value }] })
      await producer.send([part('1'), part('2')])
      await producer.send([part('3'), part('4')])
      await producer.close()
      const read = (await readAll(port, topic, 1)).flatMap((batch) => batch.records)
      expect(read.map(({ value }) => String(value))).toEqual(['1', '2', '3', '4'])
    })

    test('a null key goes round, a null value is a tombstone', async () => {
      const { port, topic } = await freshTopic(connect, 1)
      const producer = await port.producer()
      await producer.send([
        {
          topic,
          records: [
            { key: 'k', value: null },
            { key: null, value: 'v' },
          ],
        },
      ])
      await producer.close()
      const [first, second] = (await readAll(port, topic, 1)).flatMap((batch) => batch.records)
      expect(first?.value).toBeNull()
      expect(second?.key).toBeNull()
    })

    test('a member starts where onAssigned says and a commit is seen by the next member', async () => {
      const { port, topic } = await freshTopic(connect, 1)
      const producer = await port.producer()
      await producer.send([{ topic, records: numbered(10).map((r) => ({ ...r, partition: 0 })) }])
      const groupId = `group-${randomUUID()}`
      const first = await take(port, topic, groupId, 3, { startAt: 4 })
      expect(first.offsets.slice(0, 3)).toEqual([4, 5, 6])
      await first.consumer.commit([{ topic, partition: 0, offset: 7, metadata: 'since 4' }])
      await first.consumer.close()
      const second = await take(port, topic, groupId, 3, {})
      expect(second.offsets).toEqual([7, 8, 9])
      await second.consumer.close()
      const admin = await port.admin()
      expect(await admin.committed(groupId, [topic])).toEqual([
        { topic, partition: 0, offset: 7, metadata: 'since 4' },
      ])
      await admin.close()
      await producer.close()
    })

    test('a partition that is paused brings nothing more until it is resumed, the others go on', async () => {
      const { port, topic } = await freshTopic(connect, 2)
      const producer = await port.producer()
      const send = () =>
        producer.send([
          { topic, records: [0, 1].map((p) => ({ key: 'k', value: 'v', partition: p })) },
        ])
      const read = [0, 0]
      const consumer = await port.consume({
        groupId: `group-${randomUUID()}`,
        topics: [topic],
        maxWaitMs: 50,
        onBatch: async ({ partition, records }) => {
          read[partition] = (read[partition] ?? 0) + records.length
        },
        onCrash: (error) => {
          throw error
        },
      })
      await send()
      await expect.poll(() => read).toEqual([1, 1])
      consumer.pause({ topic, partition: 0 })
      // A fetch that was on its way may bring the first of these.
      await send()
      await expect.poll(() => read[1]).toBe(2)
      await send()
      await send()
      await expect.poll(() => read[1]).toBe(4)
      expect(read[0]).toBeLessThan(3)
      consumer.resume({ topic, partition: 0 })
      await expect.poll(() => read[0]).toBe(read[1])
      await consumer.close()
      await producer.close()
    })

    test('a partition may begin paused, and go on from elsewhere; records of an earlier time may be left out', async () => {
      const { port, topic } = await freshTopic(connect, 1)
      const producer = await port.producer()
      for (const timestampMs of [1000, 1000, 9000, 1000, 9000])
        await producer.send([{ topic, records: [{ key: 'k', value: 'v', timestampMs }] }])
      const offsets: number[] = []
      let leftOut = 0
      const consumer = await port.consume({
        groupId: `group-${randomUUID()}`,
        topics: [topic],
        maxWaitMs: 50,
        sinceMs: () => 9000,
        onAssigned: async (assigned) =>
          assigned.map((at) => ({ ...at, offset: 0, isPaused: true })),
        async onBatch(batch) {
          offsets.push(...batch.records.map(({ offset }) => offset))
          leftOut += batch.leftOut
        },
        onCrash: (error) => {
          throw error
        },
      })
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect([offsets, leftOut]).toEqual([[], 0])
      consumer.seek({ topic, partition: 0, offset: 1 })
      consumer.resume({ topic, partition: 0 })
      await expect.poll(() => offsets).toEqual([2, 4])
      expect(leftOut).toBe(2)
      await consumer.close()
      await producer.close()
    })

    test('offsets are found by time', async () => {
      const { port, topic } = await freshTopic(connect, 1)
      const producer = await port.producer()
      const records = [1, 2, 3].map((n) => ({ key: 'k', value: String(n), timestampMs: n * 1000 }))
      await producer.send([{ topic, records }])
      const admin = await port.admin()
      expect(await admin.offsetsAt(topic, 2000)).toEqual([1])
      expect(await admin.offsetsAt(topic, 9000)).toEqual([3])
      expect(await admin.endOffsets(topic)).toEqual([3])
      await admin.close()
      await producer.close()
    })

    test('a rebalance while fetches are on their way loses no record and hands none over twice', async () => {
      const { port, topic } = await freshTopic(connect, 4)
      const groupId = `group-${randomUUID()}`
      const producer = await port.producer()
      const handled: string[] = []
      /** As in a database that both share. */
      const next = [0, 0, 0, 0]
      const join = () =>
        port.consume({
          groupId,
          topics: [topic],
          maxWaitMs: 200,
          onAssigned: async (assigned) =>
            assigned.map((at) => ({ ...at, offset: next[at.partition] ?? 0 })),
          onBatch: async ({ partition, records, nextOffset }) => {
            handled.push(...records.map(({ offset }) => `${partition}@${offset}`))
            next[partition] = nextOffset
          },
          onCrash: (error) => {
            throw error
          },
        })
      const send = async (rounds: number) => {
        for (let i = 0; i < rounds; i++) {
          const records = [0, 1, 2, 3].map((partition) => ({ key: 'k', value: 'v', partition }))
          await producer.send([{ topic, records }])
        }
      }
      const one = await join()
      const [two] = await Promise.all([join(), send(200)])
      await Promise.all([two.close(), send(200)])
      const sent = next.flatMap((_, p) => Array.from({ length: 400 }, (__, i) => `${p}@${i}`))
      await expect.poll(() => handled.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(1600)
      expect(handled.toSorted()).toEqual(sent.toSorted())
      await one.close()
      await producer.close()
    })

    test('two members share the partitions and hand them over', async () => {
      const { port, topic } = await freshTopic(connect, 4)
      const groupId = `group-${randomUUID()}`
      const one = await watchAssignment(port, topic, groupId)
      await one.until((count) => count === 4)
      const two = await watchAssignment(port, topic, groupId)
      await Promise.all([one.until((count) => count === 2), two.until((count) => count === 2)])
      expect(one.owned.intersection(two.owned)).toEqual(new Set())
      await one.close()
      await two.until((count) => count === 4)
      expect(two.owned.size).toBe(4)
      await two.close()
    })
  })
}

function numbered(count: number): (OutgoingRecord & { partition: number })[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `key-${i % 17}`,
    value: `value-${i}`,
    headers: { h: '1' },
    timestampMs: 1_700_000_000_000,
    partition: i % 2,
  }))
}

async function freshTopic(connect: () => Promise<KafkaPort>, partitions: number) {
  const port = await connect()
  const topic = `port-${randomUUID()}`
  const admin = await port.admin()
  await admin.ensureTopics([{ name: topic, partitions, config: { 'retention.ms': '-1' } }])
  await admin.close()
  return { port, topic }
}

async function readAll(port: KafkaPort, topic: string, partitions: number): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = []
  const from = Array.from({ length: partitions }, (_, partition) => ({
    topic,
    partition,
    offset: 0,
  }))
  await port.readPartitions({ from, onBatch: (batch) => void batches.push(batch) })
  return batches
}

async function take(
  port: KafkaPort,
  topic: string,
  groupId: string,
  count: number,
  { startAt }: { startAt?: number },
) {
  const offsets: number[] = []
  const done = Promise.withResolvers<void>()
  const consumer = await port.consume({
    groupId,
    topics: [topic],
    maxWaitMs: 100,
    onAssigned: async (assigned) =>
      startAt === undefined ? [] : assigned.map((at) => ({ ...at, offset: startAt })),
    async onBatch(batch) {
      offsets.push(...batch.records.map((record) => record.offset))
      if (offsets.length >= count) done.resolve()
    },
    onCrash: (error) => done.reject(error),
  })
  await done.promise
  return { consumer, offsets }
}

async function watchAssignment(port: KafkaPort, topic: string, groupId: string) {
  const owned = new Set<string>()
  let wake: () => void = () => {}
  const consumer = await port.consume({
    groupId,
    topics: [topic],
    maxWaitMs: 100,
    async onAssigned(assigned) {
      owned.clear()
      for (const at of assigned) owned.add(partitionName(at))
      wake()
    },
    onBatch: async () => {},
    onCrash: () => {},
  })
  return {
    owned,
    async until(holds: (count: number) => boolean) {
      while (!holds(owned.size)) await new Promise<void>((resolve) => (wake = resolve))
    },
    close: () => consumer.close(),
  }
}
