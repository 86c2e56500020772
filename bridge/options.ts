// Options of `slipway bridge …`: flags to what the lanes are given. Everything that a lane needs comes in by
// `LaneSurroundings`; what is one lane's alone is in a group of its own.

import type { Clock, DomainClock } from '#stack/base/clock.ts'
import { brokerOptions, hostOption, listOf } from '#stack/base/common-options.ts'
import { UsageError } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import type { Metrics } from '#stack/base/metrics.ts'
import type { OptionTable, OptionValues } from '#stack/base/options.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { secondMs } from '#stack/base/units.ts'
import { targetOf, targetOptions } from '#stack/google/options.ts'
import { checkTarget } from '#stack/google/target.ts'
import type { GoogleTarget } from '#stack/google/target.ts'
import type { KafkaPort } from '#stack/kafka-client/connect.ts'
import type { ErrorLane } from './errors.ts'

/** Where things come from and where they go; the same for every command of the bridge. */
export interface BridgeRoute {
  /** Of this bridge: part of its consumer group, and the label of everything it creates. */
  name: string
  brokers: readonly string[]
  /** Of topics that do not exist yet. */
  partitions: number
  /** Base URL of history's read API. */
  history: string
  target: GoogleTarget
  dataset: string
  /** Of the dataset: `US`, `EU`, `europe-west3`. */
  location: string
}

/** What a lane is given beside what is its own. */
export interface LaneSurroundings extends BridgeRoute {
  /** Where this bridge keeps what it must not forget; each lane has a file or folder of its own in it. */
  dataDir: string
  kafka: KafkaPort
  errors: ErrorLane
  metrics: Metrics
  logger: Logger
  /** Back-off, commits, deadlines of requests. */
  clock: Clock
  /** The shop's "now". */
  domainClock: DomainClock
  /** The bridge cannot go on; its process must end. */
  onFatal(error: unknown): void
}

export const laneNames = ['topics', 'tables'] as const
export type LaneName = (typeof laneNames)[number]

const orderings = ['key', 'partition', 'none'] as const
/** What the ordering key of a message is. */
export type Ordering = (typeof orderings)[number]

const errorPolicies = ['stop', 'skip'] as const
/** What follows a record that the target refuses for good. */
export type ErrorPolicy = (typeof errorPolicies)[number]

/** What is lane A's alone. */
export interface TopicsOptions {
  ordering: Ordering
  onError: ErrorPolicy
  /** From so many hours before the very first start on. */
  backHours: number
  /** All that are mirrored unless given. */
  names?: readonly string[]
  /** After how long others take over from a bridge that was killed. */
  sessionTimeoutMs?: number
}

const tablesWays = ['write-api', 'load'] as const
/** How rows get into BigQuery. */
export type TablesWay = (typeof tablesWays)[number]

/** What is lane B's alone. */
export interface TablesOptions {
  by: TablesWay
  /** Between the beginnings of two load jobs of a table. */
  loadEveryMs: number
}

/** Of every command of the bridge. */
export const routeOptions = {
  name: {
    type: 'string',
    value: 'NAME',
    default: 'slipway',
    env: 'SLIPWAY_BRIDGE_NAME',
    help: 'of this bridge: its consumer group, and the label of what it creates',
  },
  brokers: {
    type: 'string',
    value: 'LIST',
    env: 'KAFKA_BROKERS',
    help: 'host:port, separated by commas; of a stack on this machine unless given, like every address here',
  },
  partitions: brokerOptions.partitions,
  history: { type: 'string', value: 'URL', help: "where history's read API answers" },
  cloud: {
    type: 'string',
    value: 'MODE',
    default: 'emulator',
    choices: ['emulator', 'google'],
    help: 'emulator: the stand-ins at the addresses below; google: Google itself, by project id',
  },
  ...targetOptions,
  location: { type: 'string', value: 'NAME', default: 'US', help: 'of the dataset' },
} as const satisfies OptionTable

/** Of `slipway bridge run`. */
export const runOptions = {
  ...routeOptions,
  ...hostOption,
  controlPort: {
    type: 'number',
    value: 'N',
    min: 0,
    max: 65_535,
    help: `of health, metrics and status (default ${defaultPorts.bridgeControl}, and the offset)`,
  },
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway/bridge',
    help: 'what the lanes must not forget',
  },
  lanes: {
    type: 'string',
    value: 'LIST',
    default: laneNames.join(),
    help: 'topics: to Pub/Sub; tables: to BigQuery',
  },
  topics: { type: 'string', value: 'LIST', help: 'mirror these; all public ones unless given' },
  sessionTimeoutMs: {
    type: 'number',
    value: 'N',
    default: 10_000,
    min: 100,
    help: 'after how long others take over the topics of a bridge that was killed',
  },
  ordering: {
    type: 'string',
    value: 'WHAT',
    default: 'key',
    choices: orderings,
    help: 'ordering key of messages: the record key, its partition, or none',
  },
  onError: {
    type: 'string',
    value: 'WHAT',
    default: 'stop',
    choices: errorPolicies,
    help: 'a record that is refused for good: stop its partition, or skip it; both are told in bridge-errors',
  },
  backHours: {
    type: 'number',
    value: 'N',
    default: 24,
    min: 0,
    help: 'topics are mirrored from so many hours before the very first start',
  },
  tablesBy: {
    type: 'string',
    value: 'WAY',
    default: 'write-api',
    choices: tablesWays,
    help: 'tables go by Storage Write, in seconds, or by load jobs, which cost nothing and come in minutes',
  },
  loadEverySeconds: {
    type: 'number',
    value: 'N',
    min: 0,
    help: 'between two load jobs of a table: 300 at Google, which takes 1,500 a day; 1 at a stand-in',
  },
  testControl: { type: 'flag', help: 'POST /control/clock moves the clock' },
} as const satisfies OptionTable

export function routeOf(
  given: OptionValues<typeof routeOptions>,
  env: NodeJS.ProcessEnv,
): BridgeRoute {
  const { name, partitions, dataset, location } = given
  const { brokers = localAddress(given, 'kafka') } = given
  const { history = `http://${localAddress(given, 'history')}` } = given
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(name)) {
    throw new UsageError(`--name is "${name}"`, {
      hint: 'it becomes a label at Google: a lower-case letter, then letters, digits and hyphens, 40 at most',
    })
  }
  const target = targetOf(given)
  checkTarget(target, env)
  return { name, brokers: listOf(brokers), partitions, history, target, dataset, location }
}

export function topicsOptionsOf(given: OptionValues<typeof runOptions>): TopicsOptions {
  const { topics, ordering, onError, backHours, sessionTimeoutMs } = given
  return {
    // The option table lists exactly these.
    ordering: ordering as Ordering,
    onError: onError as ErrorPolicy,
    backHours,
    sessionTimeoutMs,
    ...(topics !== undefined && { names: listOf(topics) }),
  }
}

const loadEverySeconds = { emulator: 1, google: 300 }

export function tablesOptionsOf(
  given: OptionValues<typeof runOptions>,
  { mode }: GoogleTarget,
): TablesOptions {
  const seconds = given.loadEverySeconds ?? loadEverySeconds[mode]
  // The option table lists exactly these.
  return { by: given.tablesBy as TablesWay, loadEveryMs: seconds * secondMs }
}

export function lanesOf(text: string): LaneName[] {
  return listOf(text).map((each) => {
    const lane = laneNames.find((name) => name === each)
    if (lane !== undefined) return lane
    throw new UsageError(`--lanes names "${each}"`, { hint: `there are ${laneNames.join(', ')}` })
  })
}

type Address = 'kafka' | 'history' | 'bridgeControl'

/** Where that part of a stack on this machine is. */
export function localAddress({ portOffset }: { portOffset: number }, of: Address): string {
  return `127.0.0.1:${defaultPorts[of] + portOffset}`
}
