// `slipway start`: every part as a supervised child process, one table of addresses when all are ready, an orderly
// end on Ctrl-C. Parts are spawned by the path of their main.ts and met over their protocols only.

import { join } from 'node:path'
import type { Clock } from './base/clock.ts'
import { demoOptions, portOffsetOption } from './base/common-options.ts'
import { lockDirectory } from './base/files.ts'
import type { OptionTable, OptionValues } from './base/options.ts'
import { defaultPorts } from './base/ports.ts'
import { portsInTheWay } from './doctor.ts'
import type { PartSpec, SupervisorTalk } from './supervise.ts'
import { supervise } from './supervise.ts'

export const startOptions = {
  data: { type: 'string', value: 'DIR', default: '.slipway', help: 'where everything is kept' },
  ...portOffsetOption,
  ...demoOptions,
  partitions: {
    type: 'number',
    value: 'N',
    default: 4,
    min: 1,
    max: 64,
    help: 'partitions of each topic on the first start',
  },
  cloud: {
    type: 'string',
    value: 'MODE',
    default: 'off',
    choices: ['emulator', 'google', 'off'],
    help: 'emulator: topics and tables are mirrored into stand-ins of Pub/Sub and BigQuery; google: into the project that GOOGLE_CLOUD_PROJECT names and SLIPWAY_ALLOWED_PROJECTS allows; off: nothing is mirrored',
  },
  testControl: { type: 'flag', help: 'routes under /__test/ that move the clock and seed traffic' },
  durability: {
    type: 'string',
    value: 'LEVEL',
    default: 'fsync',
    choices: ['fsync', 'interval', 'none'],
    help: 'what the broker waits for before it acknowledges',
  },
  brokers: {
    type: 'string',
    value: 'LIST',
    env: 'KAFKA_BROKERS',
    help: 'use this Kafka or Redpanda and start no broker',
  },
  json: { type: 'flag', help: 'one JSON object a line on stdout' },
} as const satisfies OptionTable

export type StartOptions = OptionValues<typeof startOptions>

export interface Terminal {
  result(line: string): void
  talk(line: string): void
  /** Overwrites itself on a terminal; says every tenth on anything else. */
  progress(what: string, done: number, total: number): void
}

/** Runs until told to stop; resolves with the exit code. */
export async function start(
  options: StartOptions,
  { clock, terminal, until }: { clock: Clock; terminal: Terminal; until: Promise<void> },
): Promise<number> {
  const parts = partsOf(options)
  const lock = lockDirectory(options.data, 'slipway start')
  try {
    await portsInTheWay(portsOf(options))
    const talk: SupervisorTalk = { say: terminal.talk, progress: terminal.progress }
    const supervisor = supervise({ parts, logDir: join(options.data, 'logs'), clock, talk })
    try {
      const addresses = await Promise.race([supervisor.ready, until.then(() => undefined)])
      if (addresses) {
        announce(options, { ...addresses, ...outsideKafka(options) }, clock, terminal)
        await until
      }
    } finally {
      await supervisor.stop()
    }
    return 0
  } finally {
    lock.release()
  }
}

/** The room's main.ts by its path: rooms are spawned, never imported. */
export const mains = {
  broker: room('./kafka/main.ts'),
  shop: room('./shop/main.ts'),
  import: room('./shop/import/main.ts'),
  processor: room('../processor/main.ts'),
  history: room('../processor/history/main.ts'),
  rebuild: room('../processor/history/rebuild-main.ts'),
  why: room('../processor/why/main.ts'),
  ui: room('../ui/main.ts'),
  pubsub: room('./pubsub/main.ts'),
  bigquery: room('./bigquery/main.ts'),
  bridge: room('../bridge/main.ts'),
  bench: room('../e2e/bench/main.ts'),
  'dump-log': room('./kafka/dump-log.ts'),
  topics: room('./kafka-client/inspect/topics-main.ts'),
  groups: room('./kafka-client/inspect/groups-main.ts'),
} as const

function room(path: string): string {
  return new URL(path, import.meta.url).pathname
}

/**
 * What each part's JavaScript heap may take: the whole stack stays within 1.2 GB. Buffers and DuckDB have limits of
 * their own.
 */
const heapMb = {
  broker: 128,
  shop: 160,
  processor: 320,
  history: 256,
  ui: 160,
  pubsub: 128,
  bigquery: 160,
  bridge: 160,
}

/**
 * Buffers count as heap. Left alone, the collector looks through a small heap each time that 15 MB have passed through
 * the sockets, which was a third of the work of broker and processor. History's garbage is little: helping threads cost
 * it more than they take off its own.
 */
const collectorFlags: Partial<Record<keyof typeof heapMb, string[]>> = {
  broker: ['--initial-old-space-size=80'],
  processor: ['--initial-old-space-size=128'],
  history: ['--single-threaded-gc', '--initial-old-space-size=64'],
}

function partsOf(options: StartOptions): PartSpec[] {
  const ports = portsOf(options)
  const url = (port: number) => `http://127.0.0.1:${port}`
  const brokers = options.brokers ?? `127.0.0.1:${ports.kafka}`
  const data = (name: string) => join(options.data, name)
  const shared = ['--brokers', brokers, '--partitions', String(options.partitions)]
  const control = options.testControl ? ['--test-control'] : []
  const part = (
    name: keyof typeof heapMb,
    wave: number,
    ...args: (string | number)[]
  ): PartSpec => ({
    name,
    main: mains[name],
    flags: [`--max-old-space-size=${heapMb[name]}`, ...(collectorFlags[name] ?? [])],
    args: [...args.map(String), ...control],
    env: {},
    wave,
  })
  const standIns = () => [
    part(
      'pubsub',
      0,
      '--port',
      ports.pubsub,
      '--control-port',
      ports.pubsubControl,
      '--data',
      data('pubsub'),
    ),
    part(
      'bigquery',
      0,
      '--port',
      ports.bigquery,
      '--storage-port',
      ports.bigqueryStorage,
      '--control-port',
      ports.bigqueryControl,
      '--data',
      data('bigquery'),
    ),
  ]
  const bridge = (mode: string): PartSpec => {
    const { args, ...rest } = part(
      'bridge',
      2,
      ...shared,
      '--port-offset',
      options.portOffset,
      '--data',
      data('bridge'),
      '--cloud',
      mode,
    )
    return { ...rest, args: ['run', ...args] }
  }
  const demo = options.noDemo ? ['--no-demo'] : []
  const controls = {
    ...(options.brokers === undefined ? { broker: url(ports.brokerControl) } : {}),
    shop: url(ports.shop),
    processor: url(ports.processorControl),
    history: url(ports.history),
    ...(hasStandIns(options) && {
      pubsub: url(ports.pubsubControl),
      bigquery: url(ports.bigqueryControl),
    }),
    ...(options.cloud !== 'off' && { bridge: url(ports.bridgeControl) }),
  }
  const parts = [
    part(
      'shop',
      2,
      ...shared,
      '--port',
      ports.shop,
      '--data',
      data('shop'),
      ...demo,
      '--days',
      options.days,
      '--seed',
      options.seed,
      '--rate',
      options.rate,
    ),
    part('processor', 1, ...shared, '--control-port', ports.processorControl),
    part('history', 1, ...shared, '--port', ports.history, '--data', data('history')),
    part(
      'ui',
      2,
      ...shared,
      '--port',
      ports.dashboard,
      '--history',
      url(ports.history),
      '--shop',
      url(ports.shop),
      '--cloud',
      options.cloud,
      '--port-offset',
      options.portOffset,
      '--controls',
      JSON.stringify(controls),
    ),
    ...(hasStandIns(options) ? standIns() : []),
    ...(options.cloud === 'off' ? [] : [bridge(options.cloud)]),
  ]
  if (options.brokers !== undefined) return parts
  return [
    part(
      'broker',
      0,
      '--port',
      ports.kafka,
      '--control-port',
      ports.brokerControl,
      '--data',
      data('broker'),
      '--durability',
      options.durability,
    ),
    ...parts,
  ]
}

type Port = keyof typeof defaultPorts

/** Of each part that is started; 0 of one that is not. */
export function portsOf(options: PortOptions): Record<Port, number> {
  const isIn = {
    broker: options.brokers === undefined,
    standIns: hasStandIns(options),
    bridge: options.cloud !== 'off',
  }
  const unused: Port[] = [
    ...(isIn.broker ? [] : (['kafka', 'brokerControl'] as const)),
    ...(isIn.standIns ? [] : standInPorts),
    ...(isIn.bridge ? [] : (['bridgeControl'] as const)),
  ]
  const ports = Object.entries(defaultPorts).map(([name, port]): [Port, number] => {
    const of = name as Port
    return [of, unused.includes(of) ? 0 : port + options.portOffset]
  })
  return Object.fromEntries(ports) as Record<Port, number>
}

type PortOptions = Pick<StartOptions, 'brokers' | 'cloud' | 'portOffset'>

const standInPorts = [
  'pubsub',
  'pubsubControl',
  'bigquery',
  'bigqueryStorage',
  'bigqueryControl',
] as const satisfies Port[]

function hasStandIns({ cloud }: Pick<StartOptions, 'cloud'>): boolean {
  return cloud === 'emulator'
}

function outsideKafka(options: StartOptions): Record<string, string> {
  return options.brokers === undefined ? {} : { kafka: options.brokers }
}

/** What a reader of the table wants to know first, in this order. */
const shown: readonly [name: string, what: string][] = [
  ['dashboard', 'the dashboard: live figures, 30 days of history'],
  ['shop', 'the storefront to click through, and the collector'],
  ['history', 'rows, metrics and SQL over HTTP'],
  ['kafka', 'the broker, for any Kafka client'],
  ['pubsub', 'the stand-in of Pub/Sub, which the topics are mirrored into'],
  ['bigquery', 'the stand-in of BigQuery, which the tables are mirrored into'],
  ['bigqueryStorage', 'its Storage Write, over gRPC'],
]

function announce(
  options: StartOptions,
  addresses: Record<string, string>,
  clock: Clock,
  terminal: Terminal,
): void {
  const ms = Math.round(clock.monotonicMs())
  if (options.json) {
    terminal.result(JSON.stringify({ event: 'ready', ms, addresses }))
    return
  }
  const width = Math.max(...shown.map(([name]) => (addresses[name] ?? '').length))
  const names = Math.max(...shown.map(([name]) => (name in addresses ? name.length : 0)))
  for (const [name, what] of shown) {
    const address = addresses[name]
    if (address !== undefined)
      terminal.result(`  ${name.padEnd(names)} ${address.padEnd(width)}  ${what}`)
  }
  terminal.result(
    `  data in ${options.data}; Ctrl-C stops everything, the next start goes on with it`,
  )
  terminal.result(`ready in ${(ms / 1000).toFixed(1)} s`)
}
