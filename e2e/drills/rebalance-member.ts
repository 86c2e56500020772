// A member of the group of rebalance.ts, in a process of its own so that it can be killed and stopped: kafkajs as it
// comes. Tells its parent what it was given and what it has read, before it commits.

import { Kafka, logLevel } from 'kafkajs'

const [broker = '', topic = '', groupId = '', sessionMs = ''] = process.argv.slice(2)

export type MemberWord =
  | { kind: 'joined'; isLeader: boolean; partitions: number[] }
  | { kind: 'suffered'; what: string }
  | { kind: 'read'; partition: number; offsets: string[] }

const say = (word: MemberWord) => process.send?.(word)

const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId,
  sessionTimeout: Number(sessionMs),
  rebalanceTimeout: 2 * Number(sessionMs),
  heartbeatInterval: 300,
  maxWaitTimeInMs: 200,
})
consumer.on(consumer.events.GROUP_JOIN, ({ payload: { isLeader, memberAssignment } }) => {
  say({ kind: 'joined', isLeader, partitions: memberAssignment[topic] ?? [] })
})
consumer.on(consumer.events.REBALANCING, () => say({ kind: 'suffered', what: 'must join again' }))
consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
  say({ kind: 'suffered', what: `${error.message}${restart ? '' : ', for good'}` })
})
process.on('SIGTERM', () => void consumer.disconnect().then(() => process.exit(0)))
// Whoever loses its parent has nobody to tell.
process.on('disconnect', () => process.exit(0))

await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })
await consumer.run({
  eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isStale }) => {
    if (isStale()) return
    say({
      kind: 'read',
      partition: batch.partition,
      offsets: batch.messages.map(({ offset }) => offset),
    })
    resolveOffset(batch.lastOffset())
    await commitOffsetsIfNecessary()
    await heartbeat()
  },
})
