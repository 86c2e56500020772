// The door: the lanes that are asked for, the error lane they share, health and status on a control port. Options in,
// addresses and `close` out.

import { DomainClock, systemClock } from '#stack/base/clock.ts'
import type { Clock } from '#stack/base/clock.ts'
import { startControl } from '#stack/base/control.ts'
import type { RunningPart } from '#stack/base/lifecycle.ts'
import type { Logger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { topicSpecs } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { ErrorLane } from './errors.ts'
import { bridgeStatus } from './health.ts'
import type { BridgeStatus } from './health.ts'
import type { Lane } from './lane.ts'
import type { BridgeRoute, LaneName, LaneSurroundings } from './options.ts'

export interface BridgeOptions extends BridgeRoute {
  dataDir: string
  host: string
  /** 0 takes a free one. */
  controlPort: number
  testControl: boolean
  lanes: readonly LaneName[]
  logger: Logger
  onFatal(error: unknown): void
  clock?: Clock
  domainClock?: DomainClock
}

export interface RunningBridge extends RunningPart {
  status(): BridgeStatus
}

type StartLane = (surroundings: LaneSurroundings) => Promise<Lane>

/** A lane's code loads when it is asked for, and Google's packages with it. */
const starts: Partial<Record<LaneName, () => Promise<StartLane>>> = {}

export async function startBridge(options: BridgeOptions): Promise<RunningBridge> {
  const { brokers, logger, host } = options
  const clock = options.clock ?? systemClock
  const domainClock = options.domainClock ?? new DomainClock(clock)
  const metrics = new Metrics()
  const closing: (() => Promise<void>)[] = []
  const close = async () => {
    for (const each of closing.splice(0).reverse()) await each()
  }
  try {
    const kafka = connectKafka({ brokers, clientId: 'slipway-bridge', logger, clock })
    const admin = await kafka.admin()
    await admin.ensureTopics(topicSpecs(options.partitions))
    await admin.close()
    const errors = await ErrorLane.open(kafka)
    closing.push(() => errors.close())
    const surroundings = { ...options, kafka, errors, metrics, clock, domainClock }
    const lanes = await startLanes(options.lanes, surroundings, closing)
    const status = () => bridgeStatus(lanes, errors.openCount, clock.now())
    const { testControl } = options
    const part = { name: 'bridge', metrics, domainClock, testControl, status, readiness }
    const control = await startControl(part, host, options.controlPort)
    closing.push(() => control.close())
    return { addresses: { bridge: `http://${host}:${control.port}` }, status, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Ready is a bridge that runs; how far it is, or what it waits for, is told by its status. */
const readiness = (): true => true

async function startLanes(
  names: readonly LaneName[],
  surroundings: LaneSurroundings,
  closing: (() => Promise<void>)[],
): Promise<Lane[]> {
  const lanes: Lane[] = []
  for (const name of names) {
    const start = await starts[name]?.()
    if (!start) continue
    const lane = await start(surroundings)
    closing.push(() => lane.close())
    lanes.push(lane)
  }
  return lanes
}
