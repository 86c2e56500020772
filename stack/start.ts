// `slipway start`: every part (parts.ts) as a supervised child process, one table of addresses when all are ready, an
// orderly end on Ctrl-C.

import { join } from 'node:path'
import type { Clock } from './base/clock.ts'
import { demoOptions, portOffsetOption } from './base/common-options.ts'
import { lockDirectory } from './base/files.ts'
import type { OptionTable, OptionValues } from './base/options.ts'
import { portsInTheWay } from './doctor.ts'
import { partsOf, portsOf } from './parts.ts'
import type { SupervisorTalk } from './supervise.ts'
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
    default: 'emulator',
    choices: ['emulator', 'google', 'off'],
    help: 'emulator: topics and tables are mirrored into stand-ins of Pub/Sub and BigQuery on this machine; google: into the project that GOOGLE_CLOUD_PROJECT names and SLIPWAY_ALLOWED_PROJECTS allows; off: nothing is mirrored',
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
