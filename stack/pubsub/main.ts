// `slipway pubsub`: flags and environment to options.

import { hostOption, logLevelOption } from '../base/common-options.ts'
import { orEnd, runPart } from '../base/lifecycle.ts'
import { createLogger } from '../base/logger.ts'
import type { LogLevel } from '../base/logger.ts'
import { optionsHelp, parseOptions } from '../base/options.ts'
import type { OptionTable } from '../base/options.ts'
import { defaultPorts } from '../base/ports.ts'
import { startPubSub } from './start.ts'

const table = {
  ...hostOption,
  port: {
    type: 'number',
    value: 'N',
    default: defaultPorts.pubsub,
    min: 0,
    max: 65_535,
    env: 'SLIPWAY_PUBSUB_PORT',
    help: 'of the gRPC service; 0 for a free one',
  },
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway/pubsub',
    help: 'where everything is kept',
  },
  inMemory: { type: 'flag', help: 'keep nothing on disk' },
  controlPort: {
    type: 'number',
    value: 'N',
    default: defaultPorts.pubsubControl,
    min: 0,
    max: 65_535,
    help: 'of health, metrics and status',
  },
  ...logLevelOption,
  testControl: { type: 'flag', help: 'POST /control/… for tests: clock, faults' },
} as const satisfies OptionTable

const parsed = await orEnd('pubsub', () => parseOptions(table, process.argv.slice(2), process.env))
if (parsed.help) process.stdout.write(`slipway pubsub [options]\n\n${optionsHelp(table)}\n`)
else await runPart('pubsub', start)

async function start() {
  const { host, port, data, inMemory, controlPort, testControl, logLevel } = parsed.options
  const server = await startPubSub({
    host,
    port,
    controlPort,
    testControl,
    ...(!inMemory && { dataDir: data }),
    // The option table lists exactly these.
    logger: createLogger({
      part: 'pubsub',
      level: logLevel as LogLevel,
    }),
  })
  const addresses = { pubsub: server.address, pubsubControl: `${host}:${server.controlPort}` }
  return { addresses, close: () => server.close() }
}
