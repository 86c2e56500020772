// `slipway bench [name …]`: measures on this machine and prints a table, or one JSON object a line. Peers and ratios stand
// beside the figures where a peer can be had here. A timing is never a pass or a fail.

import { cpus, totalmem } from 'node:os'
import { describeError, exitCodeOf, UsageError } from '#stack/base/errors.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import type { OptionTable } from '#stack/base/options.ts'
import { formatBytes } from '#stack/base/units.ts'
import { benchBesideKafka } from '#stack/kafka/beside-kafka/beside-kafka.bench.ts'
import { benchBroker } from '#stack/kafka/broker.bench.ts'
import { benchLaneA } from './lane-a.ts'
import { benchLaneB } from './lane-b.ts'
import type { Measurement } from './measurement.ts'
import { benchPast } from './past.ts'
import { benchPipeline } from './pipeline.ts'
import { benchReady } from './ready.ts'
import { benchStates } from './state.ts'

/** Where Kafka's tools are. */
const shared = process.env['SLIPWAY_SHARED'] ?? '../shared'

const benches: Record<
  string,
  (options: { events: number; rounds: number }) => Promise<Measurement[]>
> = {
  ready: () => benchReady(),
  past: () => benchPast('past', 'emulator'),
  'local-past': () => benchPast('past without the cloud side', 'off'),
  pipeline: ({ events }) => benchPipeline(events),
  broker: () => benchBroker(),
  state: () => benchStates(),
  'lane-a': () => benchLaneA(),
  'lane-b': () => benchLaneB(),
  kafka: ({ rounds }) => benchBesideKafka({ shared, rounds }),
}

const table = {
  events: {
    type: 'number',
    value: 'N',
    default: 200_000,
    min: 1000,
    help: 'events of the pipeline run',
  },
  rounds: {
    type: 'number',
    value: 'N',
    default: 3,
    min: 1,
    max: 20,
    help: 'of the run beside Apache Kafka',
  },
  json: { type: 'flag', help: 'one JSON object a line' },
} as const satisfies OptionTable

async function main(): Promise<void> {
  const { options, positionals, help } = parseOptions(table, process.argv.slice(2), process.env)
  if (help) {
    const names = Object.keys(benches).join(', ')
    process.stdout.write(`slipway bench [${names}] [options]\n\n${optionsHelp(table)}\n`)
    return
  }
  const unknown = positionals.find((name) => !Object.hasOwn(benches, name))
  if (unknown !== undefined) {
    throw new UsageError(`there is no benchmark "${unknown}"`, {
      hint: `use ${Object.keys(benches).join(', ')}`,
    })
  }
  if (!options.json) process.stdout.write(`${machine()}\n`)
  for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
    const bench = benches[name] as (typeof benches)[string]
    for (const measurement of await bench(options)) print(measurement, options.json)
  }
}

function machine(): string {
  const [cpu] = cpus()
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${formatBytes(totalmem())}, Node ${process.version}, ${process.platform}`
}

function print(measurement: Measurement, asJson: boolean): void {
  if (asJson) {
    process.stdout.write(`${JSON.stringify(measurement)}\n`)
    return
  }
  const value = measurement.value.toLocaleString('en', { maximumSignificantDigits: 4 })
  const note = measurement.note === undefined ? '' : `  ${measurement.note}`
  process.stdout.write(
    `${measurement.name.padEnd(44)} ${value.padStart(12)} ${measurement.unit}${note}\n`,
  )
}

try {
  await main()
} catch (error) {
  process.stderr.write(`slipway bench: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}
