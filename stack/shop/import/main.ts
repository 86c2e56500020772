// `slipway import FILE…`: flags and environment to options, progress on stderr, the result on stdout.

import { join } from 'node:path'
import { systemClock } from '#stack/base/clock.ts'
import { brokerOptions, listOf, portOffsetOption } from '#stack/base/common-options.ts'
import { describeError, exitCodeOf, exitCodes, UsageError } from '#stack/base/errors.ts'
import { optionsHelp, parseOptions } from '#stack/base/options.ts'
import type { OptionTable } from '#stack/base/options.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { formats } from './formats.ts'
import type { Format } from './formats.ts'
import { importFiles } from './import-files.ts'
import type { ImportResult } from './import-files.ts'

const table = {
  brokers: {
    type: 'string',
    value: 'LIST',
    env: 'KAFKA_BROKERS',
    help: `host:port, separated by commas (default 127.0.0.1:${defaultPorts.kafka} and the offset)`,
  },
  ...portOffsetOption,
  data: { type: 'string', value: 'DIR', default: '.slipway', help: 'of the running stack' },
  partitions: brokerOptions.partitions,
  format: {
    type: 'string',
    value: 'NAME',
    choices: formats,
    help: `${formats.join(', ')}; seen from the file unless given`,
  },
  speed: {
    type: 'number',
    value: 'N',
    min: 0.001,
    help: 'replay N times as fast as it happened; at full speed without',
  },
  rebase: { type: 'flag', help: 'shift all times so that the last event happens now' },
  currency: {
    type: 'string',
    value: 'CODE',
    default: defaultSettings.defaultCurrency,
    help: 'of producers that name none',
  },
  json: { type: 'flag', help: 'one JSON object a line on stdout' },
} as const satisfies OptionTable

const usage = `slipway import FILE… [options]

Events of files into the topic ecommerce-events: canonical NDJSON, GA4 export and Snowplow enriched events as JSON
lines, OTTO sessions, UCI Online Retail II as Parquet. Run again after a stop, it goes on where it was.

${optionsHelp(table)}
`

async function main(): Promise<number> {
  const {
    options,
    positionals: files,
    help,
  } = parseOptions(table, process.argv.slice(2), process.env)
  if (help) {
    process.stdout.write(usage)
    return exitCodes.done
  }
  if (files.length === 0) {
    throw new UsageError('no file is named', { hint: 'slipway import FILE…; --help says more' })
  }
  const brokers = options.brokers ?? `127.0.0.1:${defaultPorts.kafka + options.portOffset}`
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const result = await importFiles({
    files,
    kafka: connectKafka({ brokers: listOf(brokers), clientId: 'slipway-import' }),
    partitions: options.partitions,
    dir: join(options.data, 'import'),
    clock: systemClock,
    rebase: options.rebase,
    defaultCurrency: options.currency,
    signal: stop.signal,
    onProgress: options.json ? jsonProgress : textProgress(),
    onWarning: (text) => void process.stderr.write(`slipway import: ${text}\n`),
    ...(options.format === undefined ? {} : { format: options.format as Format }),
    ...(options.speed === undefined ? {} : { speed: options.speed }),
  })
  report(result, options.json)
  return result.isDone ? exitCodes.done : exitCodes.failed
}

function report(result: ImportResult, isJson: boolean): void {
  const { isDone, written, tally, firstAt, lastAt, loadId } = result
  if (isJson) {
    const { read, events, rejected, leftOut } = tally
    const event = isDone ? 'imported' : 'stopped'
    process.stdout.write(
      `${JSON.stringify({ event, loadId, read, events, rejected, leftOut, written, firstAt, lastAt })}\n`,
    )
    return
  }
  const lines = [
    `${isDone ? 'imported' : 'stopped after'} ${written} records, ${firstAt} to ${lastAt}`,
    `  read       ${tally.read} lines, which are ${tally.events} events`,
    ...Object.entries(tally.rejected).map(([reason, n]) => `  rejected   ${n} ${reason}`),
    ...Object.entries(tally.leftOut).map(([reason, n]) => `  left out   ${n} ${reason}`),
  ]
  if (!isDone) lines.push('  the same command goes on from here')
  process.stdout.write(`${lines.join('\n')}\n`)
}

function jsonProgress(what: string, done: number, total: number): void {
  process.stdout.write(`${JSON.stringify({ event: 'progress', what, done, total })}\n`)
}

/** Overwrites itself on a terminal; says every tenth on anything else. */
function textProgress(): (what: string, done: number, total: number) => void {
  const isTerminal = process.stderr.isTTY && process.env['NO_COLOR'] === undefined
  let last = ''
  return (what, done, total) => {
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
    const shown = `${what} ${isTerminal ? percent : Math.floor(percent / 10) * 10} %`
    if (shown === last) return
    last = shown
    const bar = '#'.repeat(Math.floor(percent / 4)).padEnd(25, '.')
    process.stderr.write(
      isTerminal
        ? `\r\u001B[K${what} [${bar}] ${percent} %${done >= total ? '\n' : ''}`
        : `${shown}\n`,
    )
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`slipway import: ${describeError(error)}\n`)
  process.exitCode = exitCodeOf(error)
}
