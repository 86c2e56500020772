// The door: the lanes that are asked for, the error lane they share, health and status on a control port. Options in,
// addresses and `close` out.

import { DomainClock, systemClock } from '#stack/base/clock.ts'
import type { Clock } from '#stack/base/clock.ts'
import { startControl } from '#stack/base/control.ts'
import { messageOf, UsageError } from '#stack/base/errors.ts'
import type { RunningPart } from '#stack/base/lifecycle.ts'
import type { Logger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { secondMs } from '#stack/base/units.ts'
import { topicSpecs } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { ErrorLane } from './errors.ts'
import { bridgeStatus, Progress } from './health.ts'
import type { BridgeStatus } from './health.ts'
import type { Lane } from './lane.ts'
import { modelOf } from './model.ts'
import type {
  BridgeRoute,
  LaneName,
  LaneSurroundings,
  TablesOptions,
  TopicsOptions,
} from './options.ts'

export interface BridgeOptions extends BridgeRoute {
  dataDir: string
  host: string
  /** 0 takes a free one. */
  controlPort: number
  testControl: boolean
  lanes: readonly LaneName[]
  topics: TopicsOptions
  /** By Storage Write unless given. */
  tables?: TablesOptions
  logger: Logger
  onFatal(error: unknown): void
  clock?: Clock
  domainClock?: DomainClock
}

export interface RunningBridge extends RunningPart {
  status(): BridgeStatus
}

type StartLane = (options: BridgeOptions, surroundings: LaneSurroundings) => Promise<Lane>

/** A lane's code loads when it is asked for, and Google's packages with it. */
const starts: Record<LaneName, StartLane> = {
  async topics({ topics }, surroundings) {
    const { startTopicsLane } = await import('./topics/start.ts')
    return startTopicsLane({ ...surroundings, ...topics })
  },
  async tables({ tables }, surroundings) {
    const { startTablesLane } = await import('./tables/start.ts')
    return startTablesLane({ ...surroundings, ...tables })
  },
}

/** Resolves when it can be asked; the lanes begin behind that. */
export async function startBridge(options: BridgeOptions): Promise<RunningBridge> {
  const { host, testControl, lanes: names } = options
  const clock = options.clock ?? systemClock
  const domainClock = options.domainClock ?? new DomainClock(clock)
  const metrics = new Metrics()
  const lanes: Lane[] = []
  const progress = new Progress()
  let errors: ErrorLane | undefined
  const closed = new AbortController()
  const status = () => {
    const starting = names.filter((name) => !lanes.some((lane) => lane.name === name))
    const statuses = progress.look(
      lanes.map((lane) => lane.status()),
      clock.now(),
    )
    return bridgeStatus({ statuses, starting, openErrors: errors?.openCount ?? 0 })
  }
  const part = { name: 'bridge', metrics, domainClock, testControl, status, readiness }
  const control = await startControl(part, host, options.controlPort)
  const looking = clock.every(lookMs, status)
  const beginning = begin().catch(options.onFatal)
  return {
    addresses: { bridge: `http://${host}:${control.port}` },
    status,
    async close() {
      closed.abort()
      looking.cancel()
      await Promise.race([beginning, clock.sleep(beginningMs)])
      await Promise.all(lanes.map((lane) => lane.close()))
      await errors?.close()
      await control.close()
    },
  }

  async function begin(): Promise<void> {
    const { brokers, logger } = options
    const kafka = connectKafka({ brokers, clientId: 'slipway-bridge', logger, clock })
    const admin = await kafka.admin()
    await admin.ensureTopics(topicSpecs(options.partitions))
    await admin.close()
    errors = await ErrorLane.open(kafka)
    const surroundings = { ...options, kafka, errors, metrics, clock, domainClock }
    await Promise.all(names.map((name) => beginLane(name, surroundings)))
  }

  async function beginLane(name: LaneName, surroundings: LaneSurroundings): Promise<void> {
    if (options.target.mode === 'emulator') await prepare(name)
    if (closed.signal.aborted) return
    lanes.push(await starts[name](options, surroundings))
  }

  /** A stand-in has nothing of its own; at Google it is for `slipway bridge apply` to create anything. */
  async function prepare(name: LaneName): Promise<void> {
    const { apply } = await import('./plan/plan.ts')
    const wanted = { model: modelOf(options), target: options.target, lanes: [name] }
    while (!closed.signal.aborted) {
      try {
        await apply(wanted)
        return
      } catch (error) {
        if (error instanceof UsageError) throw error
        options.logger.info('the target is waited for', { lane: name, error: messageOf(error) })
        await clock.sleep(askAgainMs, closed.signal).catch(() => {})
      }
    }
  }
}

/** Ready is a bridge that can be asked; how far it is, or what it waits for, is told by its status. */
const readiness = (): true => true
const lookMs = 5 * secondMs
const beginningMs = secondMs
const askAgainMs = 500
