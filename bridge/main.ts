// `slipway bridge …`: which command, and its flags and environment to options.

import { describeError, exitCodeOf, exitCodes, UsageError } from '#stack/base/errors.ts'
import { orEnd, runPart } from '#stack/base/lifecycle.ts'
import { createLogger } from '#stack/base/logger.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { explained } from '#stack/google/trouble.ts'
import { commands } from './cli.ts'
import type { Command } from './cli.ts'
import { lanesOf, routeOf, runOptions, tablesOptionsOf, topicsOptionsOf } from './options.ts'
import { startBridge } from './start.ts'

const [name, ...flags] = process.argv.slice(2)

if (name === 'run') await run()
else {
  try {
    process.exitCode = await once(name)
  } catch (error) {
    process.stderr.write(`bridge: ${describeError(explained(error))}\n`)
    process.exitCode = exitCodeOf(error)
  }
}

async function run(): Promise<void> {
  const { options, help } = await orEnd('bridge', () =>
    parseOptions(runOptions, flags, process.env),
  )
  if (help) {
    process.stdout.write(`slipway bridge run [options]\n\n${optionsHelp(runOptions)}\n`)
    return
  }
  const { host, controlPort, portOffset, data, lanes, testControl } = options
  const logger = createLogger({ part: 'bridge' })
  await runPart('bridge', () => {
    const route = routeOf(options, process.env)
    return startBridge({
      ...route,
      dataDir: data,
      host,
      controlPort: controlPort ?? defaultPorts.bridgeControl + portOffset,
      testControl,
      lanes: lanesOf(lanes),
      topics: topicsOptionsOf(options),
      tables: tablesOptionsOf(options, route.target),
      logger,
      onFatal(error) {
        logger.error('the bridge cannot go on', { error: describeError(error) })
        process.exit(1)
      },
    })
  })
}

async function once(which: string | undefined): Promise<number> {
  if (which === undefined || which === '--help') {
    process.stdout.write(usage())
    return which === undefined ? exitCodes.usage : exitCodes.done
  }
  if (!Object.hasOwn(commands, which)) {
    throw new UsageError(`there is no command "bridge ${which}"`, {
      hint: `use one of run, ${Object.keys(commands).join(', ')}`,
    })
  }
  // Each takes the options of its own table.
  const command = commands[which as keyof typeof commands] as unknown as Command
  const { options, positionals, help } = parseOptions(command.options, flags, process.env)
  if (help) {
    process.stdout.write(`slipway bridge ${which} [options]\n\n${optionsHelp(command.options)}\n`)
    return exitCodes.done
  }
  if (positionals.length > 0) {
    throw new UsageError(`"${positionals[0]}" is no option`, {
      hint: `see slipway bridge ${which} --help`,
    })
  }
  return command.run(options, process.env)
}

function usage(): string {
  const all = { run: { help: 'the bridge itself; what `slipway start` runs' }, ...commands }
  const lines = Object.entries(all).map(([each, { help }]) => `  ${each.padEnd(14)}${help}`)
  return ['slipway bridge <command> [options]', '', ...lines, '', 'Each has --help.', ''].join('\n')
}
