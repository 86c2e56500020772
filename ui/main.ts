// The dashboard as a process: flags and environment to options.

import { systemClock } from '../stack/base/clock.ts'
import { brokerOptions, hostOption, listOf, logLevelOption } from '../stack/base/common-options.ts'
import { UsageError } from '../stack/base/errors.ts'
import { orEnd, runPart } from '../stack/base/lifecycle.ts'
import { createLogger } from '../stack/base/logger.ts'
import type { LogLevel } from '../stack/base/logger.ts'
import type { OptionTable, OptionValues } from '../stack/base/options.ts'
import { optionsHelp, parseOptions } from '../stack/base/options.ts'
import { defaultPorts } from '../stack/base/ports.ts'
import { MiB } from '../stack/base/units.ts'
import { targetOf, targetOptions } from '../stack/google/options.ts'
import { checkTarget } from '../stack/google/target.ts'
import type { CloudOptions } from './api/cloud.ts'
import { startUi } from './start.ts'

const optionTable = {
  ...hostOption,
  port: { type: 'number', value: 'N', default: defaultPorts.dashboard, help: 'port to listen on' },
  ...brokerOptions,
  history: {
    type: 'string',
    value: 'URL',
    default: `http://127.0.0.1:${defaultPorts.history}`,
    help: 'the read API of history',
  },
  shop: {
    type: 'string',
    value: 'URL',
    default: `http://127.0.0.1:${defaultPorts.shop}`,
    help: 'the shop: annotations, test control',
  },
  cloud: {
    type: 'string',
    value: 'MODE',
    default: 'off',
    choices: ['off', 'emulator', 'google'],
    help: 'where cloud figures come from: emulator, the stand-ins at the addresses below; google, Google itself',
  },
  ...targetOptions,
  cloudLimitMib: {
    type: 'number',
    value: 'N',
    default: 1024,
    min: 0,
    help: 'what BigQuery may read for a page of History before somebody is asked',
  },
  catalogue: {
    type: 'string',
    value: 'FILE',
    help: 'names of products; the default is the contract’s',
  },
  controls: {
    type: 'string',
    value: 'JSON',
    help: 'control addresses, {"processor": "http://127.0.0.1:4406", …}',
  },
  hostNames: {
    type: 'string',
    value: 'LIST',
    default: '',
    help: 'names beside loopback under which the dashboard may be asked',
  },
  testControl: { type: 'flag', help: 'routes under /__test/, for loopback only' },
  ...logLevelOption,
} as const satisfies OptionTable

const { options, help } = await orEnd('ui', () =>
  parseOptions(optionTable, process.argv.slice(2), process.env),
)

if (help) {
  process.stdout.write(`slipway ui [options]\n\n${optionsHelp(optionTable)}\n`)
} else {
  await runPart('ui', () =>
    startUi({
      host: options.host,
      port: options.port,
      brokers: listOf(options.brokers),
      partitions: options.partitions,
      historyUrl: options.history,
      ...cloudOf(options),
      shopUrl: options.shop,
      ...(options.catalogue === undefined ? {} : { cataloguePath: options.catalogue }),
      controls: controlsOf(options.controls, options.shop, options.history),
      testControl: options.testControl,
      hostNames: listOf(options.hostNames),
      clock: systemClock,
      logger: createLogger({ part: 'ui', level: options.logLevel as LogLevel }),
    }),
  )
}

function cloudOf(given: OptionValues<typeof optionTable>): { cloud?: CloudOptions } {
  if (given.cloud === 'off') return {}
  const target = targetOf(given)
  checkTarget(target, process.env)
  const limitBytes = given.cloudLimitMib * MiB
  return { cloud: { target, dataset: given.dataset, limitBytes } }
}

/** What is not told has its default address; shop and history have no control port of their own. */
function controlsOf(
  json: string | undefined,
  shop: string,
  history: string,
): Record<string, string> {
  if (json === undefined) {
    const processor = `http://127.0.0.1:${defaultPorts.processorControl}`
    return { shop, processor, history }
  }
  try {
    return JSON.parse(json) as Record<string, string>
  } catch (error) {
    throw new UsageError('--controls is not JSON', {
      hint: 'give an object of addresses by part name',
      cause: error,
    })
  }
}
