// Options that several commands have, so that they mean the same and read the same in each.

import type { LogLevel } from './logger.ts'
import type { OptionTable } from './options.ts'
import { defaultPorts } from './ports.ts'

/** Of a part that reads or writes topics. */
export const brokerOptions = {
  brokers: {
    type: 'string',
    value: 'LIST',
    env: 'KAFKA_BROKERS',
    default: `127.0.0.1:${defaultPorts.kafka}`,
    help: 'host:port, separated by commas',
  },
  partitions: {
    type: 'number',
    value: 'N',
    default: 4,
    min: 1,
    max: 64,
    help: 'of topics that do not exist yet',
  },
} as const satisfies OptionTable

/** Of a part that others connect to. */
export const hostOption = {
  host: { type: 'string', value: 'HOST', default: '127.0.0.1', help: 'address to listen on' },
} as const satisfies OptionTable

export const logLevelOption = {
  logLevel: {
    type: 'string',
    value: 'LEVEL',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error'] satisfies LogLevel[],
    help: 'least level that is logged',
  },
} as const satisfies OptionTable

export const portOffsetOption = {
  portOffset: {
    type: 'number',
    value: 'N',
    default: 0,
    min: 0,
    max: 50_000,
    help: 'added to every default port',
  },
} as const satisfies OptionTable

/** Of a command that asks the history of a running stack. */
export const askHistoryOptions = {
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway',
    help: 'of the running stack; only its ports matter here',
  },
  ...portOffsetOption,
  history: { type: 'string', value: 'URL', help: 'where history answers, if elsewhere' },
} as const satisfies OptionTable

/** What simulated traffic there is. */
export const demoOptions = {
  noDemo: { type: 'flag', help: 'no simulated traffic' },
  days: {
    type: 'number',
    value: 'N',
    default: 30,
    min: 0,
    max: 366,
    help: 'days of past traffic on the first start',
  },
  seed: { type: 'number', value: 'N', default: 1, help: 'seed of the simulated traffic' },
  rate: {
    type: 'number',
    value: 'N',
    default: 10,
    min: 0,
    max: 5000,
    help: 'simulated live events per second',
  },
} as const satisfies OptionTable

/** `host:port,host:port` as a list. */
export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}
