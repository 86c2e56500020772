// `slipway bigquery`: flags and environment to options.

import { hostOption, logLevelOption } from '../base/common-options.ts'
import { orEnd, runPart } from '../base/lifecycle.ts'
import { createLogger } from '../base/logger.ts'
import type { LogLevel } from '../base/logger.ts'
import { optionsHelp, parseOptions } from '../base/options.ts'
import type { OptionTable } from '../base/options.ts'
import { defaultPorts } from '../base/ports.ts'
import { startBigQuery } from './start.ts'

const table = {
  ...hostOption,
  port: {
    type: 'number',
    value: 'N',
    default: defaultPorts.bigquery,
    min: 0,
    max: 65_535,
    env: 'SLIPWAY_BIGQUERY_PORT',
    help: 'of the REST API; 0 for a free one',
  },
  storagePort: {
    type: 'number',
    value: 'N',
    default: defaultPorts.bigqueryStorage,
    min: 0,
    max: 65_535,
    env: 'SLIPWAY_BIGQUERY_STORAGE_PORT',
    help: 'of Storage Write, over gRPC; 0 for a free one',
  },
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway/bigquery',
    help: 'where everything is kept',
  },
  inMemory: { type: 'flag', help: 'keep nothing on disk' },
  controlPort: {
    type: 'number',
    value: 'N',
    default: defaultPorts.bigqueryControl,
    min: 0,
    max: 65_535,
    help: 'of health, metrics and status',
  },
  ...logLevelOption,
  testControl: { type: 'flag', help: 'POST /control/… for tests: clock, faults' },
} as const satisfies OptionTable

const parsed = await orEnd('bigquery', () =>
  parseOptions(table, process.argv.slice(2), process.env),
)
if (parsed.help) process.stdout.write(`slipway bigquery [options]\n\n${optionsHelp(table)}\n`)
else await runPart('bigquery', start)

async function start() {
  const { host, port, storagePort, data, inMemory, controlPort, testControl, logLevel } =
    parsed.options
  const server = await startBigQuery({
    host,
    port,
    storagePort,
    controlPort,
    testControl,
    ...(!inMemory && { dataDir: data }),
    // The option table lists exactly these.
    logger: createLogger({
      part: 'bigquery',
      level: logLevel as LogLevel,
    }),
  })
  const addresses = {
    bigquery: server.address,
    bigqueryStorage: server.storageAddress,
    bigqueryControl: `${host}:${server.controlPort}`,
  }
  return { addresses, close: () => server.close() }
}
