// `slipway processor`: flags and environment to options.

import { brokerOptions, hostOption, listOf } from '#stack/base/common-options.ts'
import { describeError } from '#stack/base/errors.ts'
import { orEnd, runPart } from '#stack/base/lifecycle.ts'
import { createLogger } from '#stack/base/logger.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import type { OptionTable } from '#stack/base/options.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { settingsOf, settingsOptions } from './settings-options.ts'
import { startProcessor } from './start.ts'

const options = {
  ...brokerOptions,
  ...hostOption,
  controlPort: {
    type: 'number',
    value: 'N',
    default: defaultPorts.processorControl,
    min: 0,
    max: 65_535,
    help: 'of health, metrics and status',
  },
  testControl: { type: 'flag', help: 'POST /control/clock moves the clock' },
  catalogue: {
    type: 'string',
    value: 'FILE',
    help: 'NDJSON of products and prices; a default lies in stack/contract',
  },
  geography: { type: 'string', value: 'FILE', help: 'an mmdb file; by default countries only' },
  ...settingsOptions,
} as const satisfies OptionTable

const parsed = await orEnd('processor', () =>
  parseOptions(options, process.argv.slice(2), process.env),
)
if (parsed.help) process.stdout.write(`slipway processor [options]\n\n${optionsHelp(options)}\n`)
else await runPart('processor', () => startProcessor(processorOptions()))

function processorOptions(): Parameters<typeof startProcessor>[0] {
  const { brokers, partitions, host, controlPort, testControl, catalogue, geography, ...settings } =
    parsed.options
  const logger = createLogger({ part: 'processor' })
  return {
    brokers: listOf(brokers),
    partitions,
    host,
    controlPort,
    testControl,
    logger,
    onFatal(error) {
      logger.error('the processor cannot go on', { error: describeError(error) })
      process.exit(1)
    },
    settings: settingsOf(settings),
    ...(catalogue !== undefined && { cataloguePath: catalogue }),
    ...(geography !== undefined && { geographyPath: geography }),
  }
}
