// For tests of every room: a broker with nothing in it. That is one of ours, or the outside one that KAFKA_BROKERS names,
// whose topics are deleted first; so only a cluster for tests may be named, and e2e/vitest.kafka.config.ts makes sure.

import { Kafka, logLevel } from 'kafkajs'
import { systemClock } from '../base/clock.ts'
import { OperatingError } from '../base/errors.ts'
import { secondMs } from '../base/units.ts'

export interface TestBroker {
  address: string
  port: number
  close(): Promise<void>
}

/** What the test run was given instead of a broker of ours. */
export const outsideBrokers = process.env['KAFKA_BROKERS']

const as = process.env['SLIPWAY_BROKER_AS']

/** For each broker of ours: SLIPWAY_BROKER_AS names the one whose versions it keeps to, as for `slipway broker`. */
export const ownBroker: { as?: string } = as === undefined ? {} : { as }

export async function brokerForTest(startOurs: () => Promise<TestBroker>): Promise<TestBroker> {
  if (outsideBrokers === undefined) return startOurs()
  await emptyBroker(outsideBrokers)
  return {
    address: outsideBrokers,
    port: Number(outsideBrokers.split(':').at(-1)),
    close: async () => {},
  }
}

const goneLimitMs = 30 * secondMs
const lookAgainMs = 50

/** Every topic goes, and with it what groups have committed; comes back when the cluster names none of them any more. */
export async function emptyBroker(brokers: string): Promise<void> {
  await using admin = await adminOf(brokers)
  const limitMs = systemClock.monotonicMs() + goneLimitMs
  for (let left = await admin.topics(); left.length > 0; left = await admin.topics()) {
    if (systemClock.monotonicMs() > limitMs) {
      throw new OperatingError(`topics do not go away: ${left.join(', ')}`, { where: brokers })
    }
    await admin.delete(left)
    await systemClock.sleep(lookAgainMs)
  }
}

/** Names of topics, without what the broker keeps for itself. */
export async function topicsOf(brokers: string): Promise<string[]> {
  await using admin = await adminOf(brokers)
  return await admin.topics()
}

async function adminOf(brokers: string) {
  const kafka = new Kafka({
    brokers: brokers.split(','),
    clientId: 'slipway-test',
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  await admin.connect()
  return {
    topics: async () => (await admin.listTopics()).filter((name) => !name.startsWith('__')),
    /** One that is going already is no failure. */
    delete: (topics: string[]) => admin.deleteTopics({ topics }).catch(() => {}),
    [Symbol.asyncDispose]: () => admin.disconnect(),
  }
}
