// The door: one connection description gives producers, consumers and an admin. Everything above speaks to this
// port; only this room knows that the admin is kafkajs and that whatever moves records is our own.

import { Kafka, logLevel } from 'kafkajs'
import type { LogEntry } from 'kafkajs'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import type { Logger } from '../base/logger.ts'
import { createAdmin } from './admin.ts'
import type { KafkaAdmin } from './admin.ts'
import { startConsumer } from './consumer.ts'
import type { ConsumeOptions, KafkaConsumer } from './consumer.ts'
import { createProducer } from './producer.ts'
import type { KafkaProducer } from './producer.ts'
import { readPartitions } from './read.ts'
import type { ReadOptions } from './read.ts'

export interface ConnectOptions {
  brokers: readonly string[]
  clientId: string
  logger?: Logger
  clock?: Clock
}

export interface KafkaPort {
  producer(): Promise<KafkaProducer>
  consume(options: ConsumeOptions): Promise<KafkaConsumer>
  /** Reads partitions from given offsets to their present end, without a lasting group. */
  readPartitions(options: ReadOptions): Promise<void>
  admin(): Promise<KafkaAdmin>
}

export function connectKafka(options: ConnectOptions): KafkaPort {
  const logger = options.logger ?? silentLogger
  const clock = options.clock ?? systemClock
  const cluster = { brokers: options.brokers, clientId: options.clientId, clock }
  const kafka = new Kafka({
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: 3000,
    requestTimeout: 30_000,
    // A broker that restarts is away for about a second; whoever stays away for half a minute is reported.
    retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 40 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => logEntry(logger, entry),
  })
  return {
    producer: () => createProducer(cluster),
    consume: (consumeOptions) => startConsumer(consumeOptions, { ...cluster, logger }),
    readPartitions: (readOptions) => readPartitions(readOptions, { ...cluster, logger }),
    admin: () => createAdmin(kafka, clock),
  }
}

/** kafkajs calls a broker that is away an error, again with every retry; to us it is news at most once a second. */
function logEntry(logger: Logger, entry: LogEntry): void {
  const { message, ...fields } = entry.log
  const detail = { client: entry.namespace, error: fields['error'], groupId: fields['groupId'] }
  if (entry.level === logLevel.ERROR) logger.info(`kafka client: ${message}`, detail)
  else logger.debug(`kafka client: ${message}`, detail)
}
