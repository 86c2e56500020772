// Somebody else's program: kafkajs with nothing but an address, in a folder of its own.

import { randomUUID } from 'node:crypto'
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { startStack } from '../fixtures/stack.ts'

const program = String.raw`
const { Kafka, logLevel } = require('kafkajs')
const [broker, topic, visitor] = process.argv.slice(2)
const kafka = new Kafka({ brokers: broker.split(','), logLevel: logLevel.NOTHING })
async function main() {
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 6 }] })
  const seen = new Set()
  const owned = new Map()
  const members = []
  const join = async (name) => {
    const consumer = kafka.consumer({ groupId: topic + '-group' })
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      owned.set(name, payload.memberAssignment[topic] ?? []))
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => { seen.add(message.value.toString()) } })
    members.push(consumer)
  }
  await join('one')
  const producer = kafka.producer()
  await producer.connect()
  const send = (from) => producer.send({ topic, messages:
    Array.from({ length: 300 }, (_, i) => ({ key: 'k' + i, value: 'v' + (from + i) })) })
  await send(0)
  await join('two')
  await join('three')
  await send(300)
  const until = async (holds) => { while (!holds()) await new Promise((r) => setTimeout(r, 20)) }
  await until(() => seen.size === 600)
  await until(() => [...owned.values()].every((list) => list.length === 2))
  const enriched = kafka.consumer({ groupId: topic + '-enriched' })
  await enriched.connect()
  await enriched.subscribe({ topics: ['enriched-user-events'], fromBeginning: true })
  const found = await new Promise((resolve) => enriched.run({ eachMessage: async ({ message }) => {
    const event = JSON.parse(message.value.toString())
    if (event.anonymousId === visitor) resolve(event)
  } }))
  process.stdout.write(JSON.stringify({
    seen: seen.size,
    partitions: [...owned.values()].flat().sort(),
    name: found.name,
    input: found.input.topic,
  }))
  await Promise.all([...members, enriched, producer, admin].map((client) => client.disconnect()))
}
main().catch((error) => { console.error(error); process.exit(1) })
`

describe('an outside kafkajs program', () => {
  test(
    'creates a topic, produces, joins with three members through a rebalance, and reads enriched events',
    { timeout: 90_000 },
    async () => {
      await using stack = await startStack()
      const visitor = `visitor-${randomUUID()}`
      await stack.post('shop', '/v1/events', {
        name: 'page_view',
        eventTime: new Date().toISOString(),
        anonymousId: visitor,
        source: 'web',
        data: {},
      })
      const dir = mkdtempSync(join(tmpdir(), 'slipway-outside-'))
      writeFileSync(join(dir, 'program.cjs'), program)
      symlinkSync(join(process.cwd(), 'node_modules'), join(dir, 'node_modules'))
      const args = ['program.cjs', stack.addresses['kafka'] as string, `t-${randomUUID()}`, visitor]
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        cwd: dir,
        timeout: 60_000,
      })
      expect(JSON.parse(stdout)).toEqual({
        seen: 600,
        partitions: [0, 1, 2, 3, 4, 5],
        name: 'page_view',
        input: 'ecommerce-events',
      })
    },
  )
})
