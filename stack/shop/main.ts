// `slipway shop`: flags and environment to options.

import { brokerOptions, demoOptions, hostOption, listOf } from '#stack/base/common-options.ts'
import { runPart, tellProgress } from '#stack/base/lifecycle.ts'
import { createLogger } from '#stack/base/logger.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import type { OptionTable } from '#stack/base/options.ts'
import { UsageError } from '#stack/base/errors.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { startShop } from './start.ts'

const options = {
  ...brokerOptions,
  ...hostOption,
  port: {
    type: 'number',
    value: 'N',
    default: defaultPorts.shop,
    min: 0,
    max: 65_535,
    help: 'of collector and storefront',
  },
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway/shop',
    help: 'for the orders of the storefront and how far past traffic is',
  },
  ...demoOptions,
  testControl: { type: 'flag', help: 'POST /control/… moves the clock' },
  catalogue: {
    type: 'string',
    value: 'FILE',
    help: 'NDJSON of products and prices; a default lies in stack/contract',
  },
  currency: {
    type: 'string',
    value: 'CODE',
    default: defaultSettings.defaultCurrency,
    help: 'of producers that name none',
  },
  sources: {
    type: 'string',
    value: 'LIST',
    default: '',
    help: 'KEY=NAME,… names producers by write key or measurement id',
  },
  allowedHosts: {
    type: 'string',
    value: 'LIST',
    default: '',
    help: 'names a browser may call this by, beside the loopback ones',
  },
  allowedOrigins: {
    type: 'string',
    value: 'LIST',
    default: '',
    help: 'shops whose pages may post events, https://shop.example,…',
  },
  requestsPerSecond: {
    type: 'number',
    value: 'N',
    default: 0,
    min: 0,
    help: 'per client address; 0 is no limit',
  },
  trustProxy: { type: 'flag', help: 'take the client address from the last X-Forwarded-For' },
} as const satisfies OptionTable

const argv = process.argv.slice(2)
if (argv.includes('--help')) {
  process.stdout.write(`slipway shop [options]\n\n${optionsHelp(options)}\n`)
} else await runPart('shop', async () => startShop(shopOptions()))

/** Throws UsageError, which the part's life turns into words and exit code 2. */
function shopOptions(): Parameters<typeof startShop>[0] {
  const { options: given } = parseOptions(options, argv, process.env)
  return {
    brokers: listOf(given.brokers),
    partitions: given.partitions,
    host: given.host,
    port: given.port,
    testControl: given.testControl,
    logger: createLogger({ part: 'shop' }),
    defaultCurrency: given.currency,
    sourceByKey: Object.fromEntries(listOf(given.sources).map(keyAndName)),
    allowedHosts: listOf(given.allowedHosts.toLowerCase()),
    allowedOrigins: listOf(given.allowedOrigins),
    requestsPerSecond: given.requestsPerSecond,
    trustProxy: given.trustProxy,
    dataDir: given.data,
    ...(given.catalogue !== undefined && { cataloguePath: given.catalogue }),
    ...(!given.noDemo && {
      simulate: {
        dataDir: given.data,
        seed: given.seed,
        days: given.days,
        eventsPerSecond: given.rate,
        onProgress: (done: number, total: number) => tellProgress('past traffic', done, total),
      },
    }),
  }
}

function keyAndName(entry: string): [string, string] {
  const [key = '', name = ''] = entry.split('=')
  if (name === '') {
    throw new UsageError(`--sources has "${entry}"`, {
      hint: 'write KEY=NAME, separated by commas',
    })
  }
  return [key, name]
}
