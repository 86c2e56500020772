// The door: three stages as members of their consumer groups, the watch over silence, health and metrics on a control
// port. Several processors share the partitions by starting more of them with the same brokers.

import { DomainClock, systemClock } from '#stack/base/clock.ts'
import type { Clock } from '#stack/base/clock.ts'
import { startControl } from '#stack/base/control.ts'
import { OperatingError } from '#stack/base/errors.ts'
import type { RunningPart } from '#stack/base/lifecycle.ts'
import type { Logger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { MiB } from '#stack/base/units.ts'
import { loadCatalogue } from '#stack/contract/catalogue.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { topics, topicSpecs } from '#stack/contract/topics.ts'
import type { KafkaAdmin } from '#stack/kafka-client/admin.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { KafkaProducer } from '#stack/kafka-client/producer.ts'
import { createEnricher } from './enrich/enricher.ts'
import { loadGeography } from './enrich/geography.ts'
import { OwnerStage } from './owner/owner-stage.ts'
import { Lane } from './runtime/lane.ts'
import type { LaneOptions } from './runtime/lane.ts'
import { flushMetrics, stateMetrics } from './runtime/metrics.ts'
import { checkStateFormat } from './runtime/state-format.ts'
import { watchSilence } from './runtime/silence.ts'
import { statusOf } from './runtime/status.ts'
import type { Lanes } from './runtime/status.ts'
import { VisitorStage } from './stage-one.ts'
import type { Stage } from './stage.ts'
import { PersonStage } from './stage-two.ts'
import { Lead } from './time/lead.ts'
import { InputWatermark } from './time/watermark.ts'
import { alikeTopics, stageDefinitions } from './topology.ts'
import type { StageName } from './topology.ts'

const defaultFlushMs = 200
/** What may wait in stage two for its turn before stage one reads no further (time/lead.ts). */
const defaultWaitingBytesMax = 16 * MiB

export interface ProcessorOptions {
  brokers: readonly string[]
  /** Of topics that do not exist yet. */
  partitions: number
  host: string
  /** 0 takes a free one. */
  controlPort: number
  testControl: boolean
  logger: Logger
  /** The processor cannot go on; its process must end, and what is lost is in the changelogs. */
  onFatal(error: unknown): void
  clock?: Clock
  domainClock?: DomainClock
  settings?: Partial<Settings>
  /** NDJSON of products and prices; the default catalogue without. */
  cataloguePath?: string
  /** An mmdb file; the default one without. */
  geographyPath?: string
  flushMs?: number
  waitingBytesMax?: number
}

export async function startProcessor(options: ProcessorOptions): Promise<RunningPart> {
  const { brokers, logger, host } = options
  const clock = options.clock ?? systemClock
  const domainClock = options.domainClock ?? new DomainClock(clock)
  const kafka = connectKafka({ brokers, clientId: 'slipway-processor', logger, clock })
  const admin = await kafka.admin()
  await admin.ensureTopics(topicSpecs(options.partitions))
  const partitionCount = await alikePartitions(admin)
  await checkStateFormat(kafka, admin)
  const metrics = new Metrics()
  const watermark = new InputWatermark({ ...defaultSettings, ...options.settings })
  const context = { options, kafka, clock, domainClock, metrics, watermark, partitionCount }
  const { lanes, close } = await startLanes(context)
  const { visitors } = lanes
  const silence = watchSilence({ lane: visitors, watermark, admin, clock, domainClock, logger })
  const control = await startControl(
    {
      name: 'processor',
      metrics,
      domainClock,
      testControl: options.testControl,
      readiness: () => readinessOf(Object.values(lanes)),
      status: () => statusOf(lanes, watermark),
      actions: {
        async flush() {
          await silence.beat()
          for (const lane of Object.values(lanes)) lane.cutAtEnds()
        },
      },
    },
    host,
    options.controlPort,
  )
  return {
    addresses: { processor: `http://${host}:${control.port}` },
    async close() {
      silence.stop()
      await close()
      await admin.close()
      await control.close()
    },
  }
}

interface LaneContext {
  options: ProcessorOptions
  kafka: KafkaPort
  clock: Clock
  domainClock: DomainClock
  metrics: Metrics
  watermark: InputWatermark
  partitionCount: number
}

async function startLanes(context: LaneContext): Promise<{ lanes: Lanes; close(): Promise<void> }> {
  const { options, kafka, clock, domainClock, watermark, partitionCount } = context
  const { logger, flushMs = defaultFlushMs, waitingBytesMax = defaultWaitingBytesMax } = options
  const settings = { ...defaultSettings, ...options.settings }
  const flushed = flushMetrics(context.metrics)
  const now = (): number => domainClock.now()
  const producers = await Promise.all([kafka.producer(), kafka.producer(), kafka.producer()])
  const shared = (
    name: StageName,
    producer: KafkaProducer,
  ): Omit<LaneOptions<Stage>, 'create'> => ({
    definition: stageDefinitions[name],
    kafka,
    producer,
    clock,
    now,
    logger,
    flushMs,
    onFlushed: (flush) => flushed(name, flush),
    onFailure: options.onFatal,
  })
  const enrich = createEnricher({
    catalogue: loadCatalogue(options.cataloguePath),
    placeOf: loadGeography(options.geographyPath),
  })
  const lead = new Lead(waitingBytesMax)
  const lanes: Lanes = {
    visitors: new Lane({
      ...shared('visitors', producers[0]),
      create: (partition) =>
        new VisitorStage({ partition, partitionCount, settings, enrich, watermark, lead, now }),
      release: (partition) => watermark.revoke(partition),
      watermarkMs: () => watermark.advance(now(), new Set()),
      isAhead: () => lead.isTooFar,
    }),
    'cart-owners': new Lane({
      ...shared('cart-owners', producers[1]),
      create: (partition) => new OwnerStage({ partition, partitionCount, settings, lead }),
      release: () => lead.follow(false),
    }),
    persons: new Lane({
      ...shared('persons', producers[2]),
      create: (partition) => new PersonStage({ partition, partitionCount, settings }),
    }),
  }
  await Promise.all(Object.values(lanes).map((lane) => lane.start()))
  const gauges = stateMetrics(context.metrics, lanes, clock)
  return {
    lanes,
    async close() {
      gauges.cancel()
      await Promise.all(Object.values(lanes).map((lane) => lane.close()))
      await Promise.all(producers.map((producer) => producer.close()))
    },
  }
}

/** A record stays in the partition of its input: so these topics must have as many of them. */
async function alikePartitions(admin: KafkaAdmin): Promise<number> {
  const counts = await Promise.all(
    alikeTopics.map(async ({ name }) => ({ name, count: await admin.partitionCount(name) })),
  )
  const expected = counts[0]?.count ?? 0
  const other = counts.find(({ count }) => count !== expected)
  if (other === undefined) return expected
  throw new OperatingError(
    `the topic ${other.name} has ${other.count} partitions, ${topics.events.name} has ${expected}`,
    { where: other.name, hint: 'these topics need the same number; create them anew together' },
  )
}

function readinessOf(lanes: readonly Lane<Stage>[]): true | string {
  const waiting = lanes.find(({ isReady }) => !isReady)
  return waiting === undefined ? true : `${waiting.definition.name} waits for its partitions`
}
