// `slipway broker`: flags and environment to options.

import { readFileSync } from 'node:fs'
import { hostOption, logLevelOption } from '../base/common-options.ts'
import { UsageError } from '../base/errors.ts'
import { orEnd, runPart } from '../base/lifecycle.ts'
import { createLogger } from '../base/logger.ts'
import type { LogLevel } from '../base/logger.ts'
import { optionsHelp, parseOptions } from '../base/options.ts'
import type { OptionTable } from '../base/options.ts'
import { defaultPorts } from '../base/ports.ts'
import { personaNames } from './personas.ts'
import { parseUsers } from './security/users.ts'
import { startBroker } from './start.ts'
import type { BrokerOptions } from './start.ts'

const table = {
  ...hostOption,
  port: {
    type: 'number',
    value: 'N',
    default: defaultPorts.kafka,
    min: 0,
    max: 65_535,
    env: 'SLIPWAY_KAFKA_PORT',
    help: 'of the Kafka protocol; 0 for a free one',
  },
  advertisedHost: {
    type: 'string',
    value: 'HOST',
    help: 'what clients are told to connect to, where it is not the address listened on',
  },
  allowRemote: {
    type: 'flag',
    help: 'listen on an address that others reach, although nobody logs in',
  },
  users: {
    type: 'string',
    value: 'FILE',
    help: 'who may log in, a line name:password for each; without it nobody has to',
  },
  tlsCert: { type: 'string', value: 'FILE', help: 'certificate (PEM): the listener speaks TLS' },
  tlsKey: { type: 'string', value: 'FILE', help: 'key (PEM) of the certificate' },
  virtualNodes: {
    type: 'number',
    value: 'N',
    default: 1,
    min: 1,
    max: 16,
    help: 'for tests of clients: be so many nodes, on as many ports from --port on',
  },
  as: {
    type: 'string',
    value: 'BROKER',
    choices: personaNames,
    env: 'SLIPWAY_BROKER_AS',
    help: `advertise no more than another broker does: ${personaNames.join(', ')}`,
  },
  data: {
    type: 'string',
    value: 'DIR',
    default: '.slipway/broker',
    help: 'where everything is kept',
  },
  controlPort: {
    type: 'number',
    value: 'N',
    default: defaultPorts.brokerControl,
    min: 0,
    max: 65_535,
    help: 'of health, metrics and status',
  },
  durability: {
    type: 'string',
    value: 'LEVEL',
    default: 'fsync',
    choices: ['fsync', 'interval', 'none'],
    help: 'what acks=all waits for: fsync, or a write (interval syncs behind it, none never)',
  },
  defaultPartitions: {
    type: 'number',
    value: 'N',
    default: 1,
    min: 1,
    max: 10_000,
    help: 'of topics that are created without a number',
  },
  noAutoCreate: { type: 'flag', help: 'topics must be created, asking for them is not enough' },
  strictReplication: {
    type: 'flag',
    help: 'refuse replication factors above 1 instead of clamping them',
  },
  rebalanceDelayMs: {
    type: 'number',
    value: 'MS',
    default: 0,
    min: 0,
    max: 60_000,
    help: 'how long the first member of a group waits for others',
  },
  ...logLevelOption,
  testControl: { type: 'flag', help: 'POST /control/… for tests' },
} as const satisfies OptionTable

const parsed = await orEnd('broker', () => parseOptions(table, process.argv.slice(2), process.env))
if (parsed.help) process.stdout.write(`slipway broker [options]\n\n${optionsHelp(table)}\n`)
else await runPart('broker', start)

async function start() {
  const broker = await startBroker(brokerOptions())
  const addresses: Record<string, string> = { kafka: broker.address }
  if (broker.controlPort !== undefined) addresses['control'] = `127.0.0.1:${broker.controlPort}`
  return { addresses, close: () => broker.close() }
}

function brokerOptions(): BrokerOptions {
  const given = parsed.options
  return {
    dataDir: given.data,
    host: given.host,
    port: given.port,
    virtualNodes: given.virtualNodes,
    // With users it is the login that decides.
    allowRemote: given.allowRemote || given.users !== undefined,
    ...securityOf(given),
    controlPort: given.controlPort,
    testControl: given.testControl,
    // The option table lists exactly these.
    durability: given.durability as NonNullable<BrokerOptions['durability']>,
    defaultPartitions: given.defaultPartitions,
    autoCreateTopics: !given.noAutoCreate,
    clampReplication: !given.strictReplication,
    initialRebalanceDelayMs: given.rebalanceDelayMs,
    logger: createLogger({
      part: 'broker',
      level: given.logLevel as LogLevel,
    }),
    ...(given.as === undefined ? {} : { as: given.as }),
    ...(given.advertisedHost === undefined ? {} : { advertisedHost: given.advertisedHost }),
  }
}

function securityOf({
  users,
  tlsCert,
  tlsKey,
}: typeof parsed.options): Pick<BrokerOptions, 'users' | 'tls'> {
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('TLS needs a certificate and its key', {
      hint: 'give both --tls-cert and --tls-key',
    })
  const read = (path: string) => readFileSync(path, 'utf8')
  return {
    ...(users === undefined ? {} : { users: parseUsers(read(users), users) }),
    ...(tlsCert && tlsKey ? { tls: { cert: read(tlsCert), key: read(tlsKey) } } : {}),
  }
}
