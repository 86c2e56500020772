// A member of the group of rebalance.ts, in a process of its own so that it can be killed and stopped. Tells its parent what
// it was given and what it has read, before it commits. With the classic protocol it is kafkajs as it comes, with the
// consumer protocol (KIP-848) @platformatic/kafka.

import { Consumer } from '@platformatic/kafka'
import { Kafka, logLevel } from 'kafkajs'

const [broker = '', topic = '', groupId = '', sessionMs = '', protocol = ''] = process.argv.slice(2)

export type MemberWord =
  | { kind: 'joined'; isLeader: boolean; partitions: number[] }
  | { kind: 'suffered'; what: string }
  | { kind: 'read'; partition: number; offsets: string[] }

const say = (word: MemberWord) => process.send?.(word)

// Whoever loses its parent has nobody to tell.
process.on('disconnect', () => process.exit(0))
await (protocol === 'consumer' ? beAssigned() : beClassic())

async function beClassic(): Promise<void> {
  const kafka = new Kafka({ brokers: broker.split(','), logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: Number(sessionMs),
    rebalanceTimeout: 2 * Number(sessionMs),
    heartbeatInterval: 300,
    maxWaitTimeInMs: 200,
  })
  const { GROUP_JOIN, REBALANCING, CRASH } = consumer.events
  consumer.on(GROUP_JOIN, ({ payload: { isLeader, memberAssignment } }) => {
    say({ kind: 'joined', isLeader, partitions: memberAssignment[topic] ?? [] })
  })
  consumer.on(REBALANCING, () => say({ kind: 'suffered', what: 'must join again' }))
  consumer.on(CRASH, ({ payload: { error, restart } }) => {
    say({ kind: 'suffered', what: `${error.message}${restart ? '' : ', for good'}` })
  })
  process.on('SIGTERM', () => void consumer.disconnect().then(() => process.exit(0)))
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
}

async function beAssigned(): Promise<void> {
  const consumer = new Consumer({
    groupId,
    clientId: `member ${process.pid}`,
    bootstrapBrokers: broker.split(','),
    groupProtocol: 'consumer',
    retries: 0,
  })
  let had = ''
  const tellAssignment = () => {
    const partitions = (consumer.assignments ?? []).flatMap((each) => each.partitions)
    const has = partitions.join()
    if (has === had) return
    had = has
    say({ kind: 'joined', isLeader: false, partitions })
  }
  // The client does not join again by itself when its session is over.
  process.on('uncaughtException', (error) => {
    say({ kind: 'suffered', what: `${error.message}, for good` })
    process.exit(1)
  })
  process.on('SIGTERM', () => void consumer.close(true).then(() => process.exit(0)))
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'committed',
    fallbackMode: 'earliest',
    autocommit: false,
    maxWaitTime: 200,
  })
  setInterval(tellAssignment, 50)
  for await (const { partition, offset, commit } of stream) {
    say({ kind: 'read', partition, offsets: [String(offset)] })
    try {
      await commit()
    } catch (error) {
      // Whoever has the partition now reads it once more.
      say({ kind: 'suffered', what: String(error) })
    }
  }
}
