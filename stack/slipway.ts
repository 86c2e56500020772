#!/usr/bin/env node
// The command line: names commands, spawns the rooms behind them, prints errors as what, where, what to do.

import { spawn } from 'node:child_process'
import packageJson from '../package.json' with { type: 'json' }
import { systemClock } from './base/clock.ts'
import { describeError, exitCodeOf, exitCodes, UsageError } from './base/errors.ts'
import { optionsHelp, parseOptions } from './base/options.ts'
import type { OptionTable } from './base/options.ts'
import { givesBack, smallYoung } from './base/small-memory.ts'
import { examine } from './doctor.ts'
import { mains, portsOf } from './parts.ts'
import { start, startOptions } from './start.ts'
import type { Terminal } from './start.ts'
import { partEnvironment, nodeFlags } from './supervise.ts'

interface Command {
  help: string
  run(argv: string[]): Promise<number>
}

const room = (main: string, help: string, node: NodeSettings = {}): Command => ({
  help,
  run: (argv) => runRoom(main, argv, node),
})

/** How Node runs a room, beside what is so for all. */
interface NodeSettings {
  flags?: readonly string[]
  env?: Readonly<Record<string, string>>
}

const commands: Record<string, Command> = {
  start: { help: 'everything, with one table of addresses; Ctrl-C stops it', run: runStart },
  doctor: { help: 'what is in the way before anything starts', run: runDoctor },
  import: room(
    mains.import,
    'files of events into the topic: NDJSON, GA4, Snowplow, OTTO, Online Retail II',
  ),
  rebuild: room(mains.rebuild, 'history once more from the topics'),
  why: room(mains.why, 'the explained timeline of one cart'),
  bench: room(mains.bench, 'benchmarks of this machine'),
  'dump-log': room(mains['dump-log'], 'what a segment file of the broker holds'),
  topics: room(mains.topics, 'the topics of a broker, or the partitions of one'),
  groups: room(mains.groups, 'consumer groups, their lag, and where one is to go on'),
  broker: room(mains.broker, 'the Kafka-protocol broker alone', {
    flags: smallYoung,
    env: givesBack,
  }),
  shop: room(mains.shop, 'the collector, the storefront and the simulated shoppers alone'),
  processor: room(mains.processor, 'the stream processor alone'),
  history: room(mains.history, 'the history writer and its read API alone'),
  ui: room(mains.ui, 'the dashboard alone'),
  pubsub: room(mains.pubsub, 'the embedded Pub/Sub alone'),
  bigquery: room(mains.bigquery, 'the embedded BigQuery alone'),
  bridge: room(
    mains.bridge,
    'what mirrors topics into Pub/Sub and tables into BigQuery: run, plan, …',
  ),
}

async function main(argv: string[]): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(usage())
    return name === undefined ? exitCodes.usage : exitCodes.done
  }
  if (name === '--version') {
    process.stdout.write(`slipway ${packageJson.version}, Node ${process.version}\n`)
    return exitCodes.done
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) {
    throw new UsageError(`there is no command "${name}"`, {
      hint: `use one of ${Object.keys(commands).join(', ')}; \`slipway --help\` says what they do`,
    })
  }
  return command.run(rest)
}

function usage(): string {
  const lines = Object.entries(commands).map(([name, { help }]) => `  ${name.padEnd(11)}${help}`)
  return [
    'slipway <command> [options]',
    '',
    ...lines,
    '',
    'Each command has --help; slipway --version says which this is.',
    '',
  ].join('\n')
}

async function runStart(argv: string[]): Promise<number> {
  const { options, positionals, help } = parseOptions(startOptions, argv, process.env)
  if (help) return printHelp('start', startOptions)
  refuseWords(positionals)
  const until = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve())
    // Whoever started this with a channel to it (a test) is gone.
    process.once('disconnect', () => resolve())
  })
  process.channel?.unref()
  return start(options, { clock: systemClock, terminal: terminal(), until })
}

const doctorOptions = {
  data: startOptions.data,
  portOffset: startOptions.portOffset,
  brokers: startOptions.brokers,
  cloud: startOptions.cloud,
  json: startOptions.json,
} as const satisfies OptionTable

async function runDoctor(argv: string[]): Promise<number> {
  const { options, positionals, help } = parseOptions(doctorOptions, argv, process.env)
  if (help) return printHelp('doctor', doctorOptions)
  refuseWords(positionals)
  const checks = await examine({
    dataDir: options.data,
    ports: portsOf(options),
    brokers: options.brokers,
    nodeVersion: process.version,
  })
  for (const check of checks) {
    if (options.json) process.stdout.write(`${JSON.stringify(check)}\n`)
    else {
      process.stdout.write(`${check.ok ? 'ok  ' : 'no  '} ${check.name}: ${check.detail}\n`)
      if (check.hint !== undefined) process.stdout.write(`     what to do: ${check.hint}\n`)
    }
  }
  return checks.every((check) => check.ok) ? exitCodes.done : exitCodes.checkSaidNo
}

/** The room in a process of its own, with this terminal; signals reach it as the terminal sends them. */
function runRoom(
  path: string,
  argv: string[],
  { flags = [], env = {} }: NodeSettings,
): Promise<number> {
  const child = spawn(process.execPath, [...nodeFlags, ...flags, path, ...argv], {
    stdio: 'inherit',
    env: { ...partEnvironment, ...env, ...process.env },
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => void child.kill(signal))
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? exitCodes.failed))
  })
}

function printHelp(name: string, table: OptionTable): number {
  process.stdout.write(`slipway ${name} [options]\n\n${optionsHelp(table)}\n`)
  return exitCodes.done
}

function refuseWords(positionals: readonly string[]): void {
  if (positionals.length > 0) {
    throw new UsageError(`"${positionals[0]}" is no option`, {
      hint: 'run the command with --help',
    })
  }
}

/** Results on stdout, talk on stderr. */
function terminal(): Terminal {
  const interactive = process.stderr.isTTY && process.env['NO_COLOR'] === undefined
  let lastTenth = -1
  return {
    result: (line) => void process.stdout.write(`${line}\n`),
    talk: (line) => void process.stderr.write(`${interactive ? '\r\u001B[K' : ''}${line}\n`),
    progress(what, done, total) {
      const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
      if (interactive) {
        process.stderr.write(`\r\u001B[K${what}: ${percent} %${done >= total ? '\n' : ''}`)
      } else if (Math.floor(percent / 10) > lastTenth) {
        lastTenth = Math.floor(percent / 10)
        process.stderr.write(`${what}: ${percent} %\n`)
      }
    },
  }
}

// Whoever reads our results may have seen enough (`slipway doctor | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.done)
  throw error
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`slipway: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}
