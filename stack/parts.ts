// The parts of `slipway start`, as a table: who is in, on which ports, with how much memory, in which order they stop.
// Parts are spawned by the path of their main.ts and met over their protocols only.

import { join } from 'node:path'
import { defaultPorts } from './base/ports.ts'
import { givesBack, smallYoung } from './base/small-memory.ts'
import type { StartOptions } from './start.ts'
import type { PartSpec } from './supervise.ts'

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

type Port = keyof typeof defaultPorts

type PartName =
  | 'broker'
  | 'pubsub'
  | 'bigquery'
  | 'processor'
  | 'history'
  | 'shop'
  | 'ui'
  | 'bridge'

interface Part {
  /** In every stack unless said otherwise. */
  isIn?(options: Chosen): boolean
  ports: readonly Port[]
  /** Where its health is asked and its clock is moved; the page has none. */
  control?: Port
  wave: number
  /** Nobody asks it before the others are ready: it loads Google's packages, a second that is better theirs. */
  isLate?: boolean
  /** Of its JavaScript heap. Buffers and DuckDB have limits of their own. */
  heapMb: number
  /** Of V8's collector. */
  collector?: readonly string[]
  env?: Record<string, string>
  niceness?: number
  /** Words before the flags. */
  command?: readonly string[]
  flags(stack: StackOfParts): Flags
}

/** Names as they are typed; true: the flag alone. */
type Flags = Record<string, string | number | boolean>

/** What decides who is in. */
type Chosen = Pick<StartOptions, 'brokers' | 'cloud' | 'portOffset'>

interface StackOfParts {
  options: StartOptions
  ports: Record<Port, number>
  /** Of whoever speaks to the broker. */
  kafka: Flags
  data(part: PartName): string
  url(port: Port): string
}

const hasStandIns = ({ cloud }: Chosen): boolean => cloud === 'emulator'

/**
 * The cloud side takes what the others leave: a first start gives two cores to the shop's past, and a mirror may lag,
 * while a page that stutters is seen.
 */
const cloudNiceness = 5

/**
 * Heaps together keep the stack within 1.5 GB. Buffers count as heap. Left alone, the collector looks through a small heap
 * each time that 15 MB have passed through the sockets, which was a third of the work of broker and processor. Where garbage
 * is little, helping threads cost more than they take off the one that works.
 */
const parts: Record<PartName, Part> = {
  broker: {
    isIn: ({ brokers }) => brokers === undefined,
    ports: ['kafka', 'brokerControl'],
    control: 'brokerControl',
    wave: 0,
    heapMb: 128,
    collector: [...smallYoung, '--initial-old-space-size=80'],
    env: givesBack,
    flags: ({ ports, data, options }) => ({
      port: ports.kafka,
      'control-port': ports.brokerControl,
      data: data('broker'),
      durability: options.durability,
    }),
  },
  shop: {
    ports: ['shop'],
    control: 'shop',
    wave: 2,
    heapMb: 160,
    env: givesBack,
    flags: ({ kafka, ports, data, options }) => ({
      ...kafka,
      port: ports.shop,
      data: data('shop'),
      'no-demo': options.noDemo,
      days: options.days,
      seed: options.seed,
      rate: options.rate,
    }),
  },
  processor: {
    ports: ['processorControl'],
    control: 'processorControl',
    wave: 1,
    heapMb: 320,
    collector: ['--initial-old-space-size=128'],
    flags: ({ kafka, ports }) => ({ ...kafka, 'control-port': ports.processorControl }),
  },
  history: {
    ports: ['history'],
    control: 'history',
    wave: 1,
    heapMb: 224,
    collector: ['--single-threaded-gc', '--initial-old-space-size=64'],
    flags: ({ kafka, ports, data }) => ({ ...kafka, port: ports.history, data: data('history') }),
  },
  ui: {
    ports: ['dashboard'],
    wave: 2,
    heapMb: 160,
    env: givesBack,
    flags: ({ kafka, ports, url, options }) => ({
      ...kafka,
      port: ports.dashboard,
      history: url('history'),
      shop: url('shop'),
      cloud: options.cloud,
      'port-offset': options.portOffset,
      controls: JSON.stringify(controlsOf(options, url)),
    }),
  },
  pubsub: {
    isIn: hasStandIns,
    ports: ['pubsub', 'pubsubControl'],
    control: 'pubsubControl',
    wave: 0,
    heapMb: 96,
    collector: [...smallYoung, '--initial-old-space-size=32'],
    env: givesBack,
    niceness: cloudNiceness,
    flags: ({ ports, data }) => ({
      port: ports.pubsub,
      'control-port': ports.pubsubControl,
      data: data('pubsub'),
    }),
  },
  bigquery: {
    isIn: hasStandIns,
    ports: ['bigquery', 'bigqueryStorage', 'bigqueryControl'],
    control: 'bigqueryControl',
    wave: 0,
    heapMb: 96,
    collector: ['--single-threaded-gc', ...smallYoung],
    env: givesBack,
    niceness: cloudNiceness,
    flags: ({ ports, data }) => ({
      port: ports.bigquery,
      'storage-port': ports.bigqueryStorage,
      'control-port': ports.bigqueryControl,
      data: data('bigquery'),
    }),
  },
  bridge: {
    isIn: ({ cloud }) => cloud !== 'off',
    ports: ['bridgeControl'],
    control: 'bridgeControl',
    wave: 2,
    isLate: true,
    heapMb: 160,
    // What waits for its request lives longer than 4 MiB of what comes behind it: it would be moved again and again.
    collector: ['--single-threaded-gc', '--max-semi-space-size=8', '--initial-old-space-size=64'],
    env: givesBack,
    niceness: cloudNiceness,
    command: ['run'],
    flags: ({ kafka, data, options }) => ({
      ...kafka,
      'port-offset': options.portOffset,
      data: data('bridge'),
      cloud: options.cloud,
    }),
  },
}

export function partsOf(options: StartOptions): PartSpec[] {
  const ports = portsOf(options)
  const { partitions, brokers = `127.0.0.1:${ports.kafka}` } = options
  const stack: StackOfParts = {
    options,
    ports,
    kafka: { brokers, partitions },
    data: (name) => join(options.data, name),
    url: (port) => `http://127.0.0.1:${ports[port]}`,
  }
  return partsIn(options).map(([name, part]) => {
    const {
      wave,
      isLate = false,
      heapMb,
      collector = [],
      env = {},
      niceness,
      command = [],
      flags,
    } = part
    const given = { ...flags(stack), 'test-control': options.testControl }
    return {
      name,
      main: mains[name],
      flags: [`--max-old-space-size=${heapMb}`, ...collector],
      args: [...command, ...wordsOf(given)],
      env,
      wave,
      isLate,
      ...(niceness !== undefined && { niceness }),
    }
  })
}

/** Of each part that is started; 0 of one that is not. */
export function portsOf(options: Chosen): Record<Port, number> {
  const used = new Set(partsIn(options).flatMap(([, { ports }]) => ports))
  const ports = Object.entries(defaultPorts).map(([name, port]) => [
    name,
    used.has(name as Port) ? port + options.portOffset : 0,
  ])
  return Object.fromEntries(ports) as Record<Port, number>
}

function partsIn(options: Chosen): [PartName, Part][] {
  return (Object.entries(parts) as [PartName, Part][]).filter(
    ([, { isIn }]) => isIn?.(options) ?? true,
  )
}

function controlsOf(options: Chosen, url: StackOfParts['url']): Record<string, string> {
  return Object.fromEntries(
    partsIn(options).flatMap(([name, { control }]) => (control ? [[name, url(control)]] : [])),
  )
}

function wordsOf(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (value === false) return []
    return value === true ? [`--${name}`] : [`--${name}`, String(value)]
  })
}
