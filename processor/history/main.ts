// `slipway history`: flags and environment to options.

import { brokerOptions, hostOption, listOf } from '#stack/base/common-options.ts'
import { describeError } from '#stack/base/errors.ts'
import { orEnd, runPart } from '#stack/base/lifecycle.ts'
import { createLogger } from '#stack/base/logger.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import type { OptionTable } from '#stack/base/options.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { settingsOf, settingsOptions } from '../settings-options.ts'
import { defaultLimits } from './database.ts'
import { startHistory } from './start.ts'

const own = {
  ...brokerOptions,
  ...hostOption,
  port: {
    type: 'number',
    value: 'N',
    default: defaultPorts.history,
    min: 0,
    max: 65_535,
    help: 'of the read API',
  },
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway/history',
    help: 'where the DuckDB file is kept',
  },
  memoryMb: {
    type: 'number',
    value: 'N',
    default: defaultLimits.memoryMb,
    min: 64,
    help: 'what DuckDB may take',
  },
  threads: {
    type: 'number',
    value: 'N',
    default: defaultLimits.threads,
    min: 1,
    max: 64,
    help: "DuckDB's own threads",
  },
  allowedHosts: {
    type: 'string',
    value: 'LIST',
    default: '',
    help: 'names this port may be asked by, beside the loopback ones',
  },
  testControl: { type: 'flag', help: 'POST /control/… moves the clock' },
} as const satisfies OptionTable

const options = { ...own, ...settingsOptions } as const
const parsed = await orEnd('history', () =>
  parseOptions(options, process.argv.slice(2), process.env),
)
const logger = createLogger({ part: 'history' })

if (parsed.help) process.stdout.write(`slipway history [options]\n\n${optionsHelp(options)}\n`)
else await runPart('history', () => startHistory(startOptions()))

function startOptions(): Parameters<typeof startHistory>[0] {
  const given = parsed.options
  return {
    brokers: listOf(given.brokers),
    partitions: given.partitions,
    dataDir: given.data,
    host: given.host,
    port: given.port,
    testControl: given.testControl,
    logger,
    hostNames: listOf(given.allowedHosts.toLowerCase()),
    settings: settingsOf(given),
    limits: { memoryMb: given.memoryMb, threads: given.threads },
    onFatal(error) {
      logger.error('history cannot go on, and starts again', { error: describeError(error) })
      // Memory may be ahead of the file; the next process reads the file.
      process.exit(1)
    },
  }
}
