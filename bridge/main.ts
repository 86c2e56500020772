// `slipway bridge …`: flags and environment to options.

import { describeError } from '#stack/base/errors.ts'
import { orEnd, runPart } from '#stack/base/lifecycle.ts'
import { createLogger } from '#stack/base/logger.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import { lanesOf, routeOf, runOptions, topicsOptionsOf } from './options.ts'
import { startBridge } from './start.ts'

const [, ...flags] = process.argv.slice(2)
const parsed = await orEnd('bridge', () => parseOptions(runOptions, flags, process.env))
if (parsed.help)
  process.stdout.write(`slipway bridge run [options]\n\n${optionsHelp(runOptions)}\n`)
else await runPart('bridge', () => startBridge(bridgeOptions()))

function bridgeOptions(): Parameters<typeof startBridge>[0] {
  const { host, controlPort, data, lanes, testControl } = parsed.options
  const logger = createLogger({ part: 'bridge' })
  return {
    ...routeOf(parsed.options),
    dataDir: data,
    host,
    controlPort,
    testControl,
    lanes: lanesOf(lanes),
    topics: topicsOptionsOf(parsed.options),
    logger,
    onFatal(error) {
      logger.error('the bridge cannot go on', { error: describeError(error) })
      process.exit(1)
    },
  }
}
