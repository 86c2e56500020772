// Options of the commands that look into a broker, and how they reach it.

import { Kafka, logLevel } from 'kafkajs'
import type { Admin } from 'kafkajs'
import { systemClock } from '../../base/clock.ts'
import { listOf, portOffsetOption } from '../../base/common-options.ts'
import { messageOf, OperatingError } from '../../base/errors.ts'
import type { OptionTable } from '../../base/options.ts'
import { defaultPorts } from '../../base/ports.ts'
import { Cluster } from '../cluster.ts'

export const inspectOptions = {
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway',
    help: 'of the running stack; only its ports matter here',
  },
  ...portOffsetOption,
  brokers: {
    type: 'string',
    value: 'LIST',
    env: 'KAFKA_BROKERS',
    help: 'host:port, separated by commas, if not the stack on this machine',
  },
  json: { type: 'flag', help: 'one JSON object a line' },
} as const satisfies OptionTable

interface Where {
  brokers: string | undefined
  portOffset: number
}

export interface Reach {
  admin: Admin
  /** For what kafkajs does in a roundabout way. */
  cluster: Cluster
}

/** Gives up at once where nobody answers: a person waits. */
export async function withBroker<T>(
  { brokers, portOffset }: Where,
  work: (reach: Reach) => Promise<T>,
): Promise<T> {
  const address = brokers ?? `127.0.0.1:${defaultPorts.kafka + portOffset}`
  const who = { brokers: listOf(address), clientId: 'slipway-inspect' }
  const kafka = new Kafka({
    ...who,
    connectionTimeout: 3000,
    retry: { retries: 1, initialRetryTime: 50 },
    logLevel: logLevel.NOTHING,
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
  } catch (error) {
    throw new OperatingError(`no broker answers: ${messageOf(error)}`, {
      where: address,
      retriable: true,
      hint: 'start the stack, or name another broker with --brokers or KAFKA_BROKERS',
    })
  }
  const cluster = new Cluster({ ...who, clock: systemClock })
  try {
    return await work({ admin, cluster })
  } finally {
    cluster.disconnect()
    await admin.disconnect()
  }
}
