// Every setting of a topic that Kafka 4 knows, as one table: type, default, the broker setting it falls back to, and
// what a value may be. DescribeConfigs lists all of them, since AlterConfigs is read-modify-write for many clients.
// Those without a reader in `settingsOf` are accepted and kept, and have no effect on one node without tiering.

import { invariant } from '../../base/invariant.ts'
import { dayMs, GiB, hourMs, MiB } from '../../base/units.ts'
import type { LogSettings } from '../log/partition-log.ts'

/** ConfigType of DescribeConfigs. */
export const configTypes = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
} as const

/** ConfigSource of DescribeConfigs: where a value comes from, the first that has one wins. */
export const configSources = { topic: 1, dynamicBroker: 3, staticBroker: 4, default: 5 } as const

interface ConfigDefinition {
  type: keyof typeof configTypes
  default: string
  /** The broker's name for it. */
  broker?: string
  min?: number
  max?: number
  oneOf?: readonly string[]
  /** Served but not listed. */
  internal?: true
  doc: string
}

const longMax = '9223372036854775807'
const intMax = 2147483647
const flag = { type: 'boolean', default: 'false', oneOf: ['true', 'false'] } as const

export const topicConfigs: Readonly<Record<string, ConfigDefinition>> = {
  'cleanup.policy': {
    type: 'list',
    default: 'delete',
    broker: 'log.cleanup.policy',
    oneOf: ['delete', 'compact'],
    doc: 'What happens to old records: delete them, compact them by key, or both.',
  },
  'compression.gzip.level': {
    type: 'int',
    default: '-1',
    broker: 'compression.gzip.level',
    min: -1,
    max: 9,
    doc: 'Has no effect: batches are stored as they were produced.',
  },
  'compression.lz4.level': {
    type: 'int',
    default: '9',
    broker: 'compression.lz4.level',
    min: 1,
    max: 17,
    doc: 'Has no effect: batches are stored as they were produced.',
  },
  'compression.type': {
    type: 'string',
    default: 'producer',
    broker: 'compression.type',
    oneOf: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    doc: 'Has no effect: batches are stored as they were produced.',
  },
  'compression.zstd.level': {
    type: 'int',
    default: '3',
    broker: 'compression.zstd.level',
    min: -131072,
    max: 22,
    doc: 'Has no effect: batches are stored as they were produced.',
  },
  'delete.retention.ms': {
    type: 'long',
    default: String(dayMs),
    broker: 'log.cleaner.delete.retention.ms',
    min: 0,
    doc: 'How long a tombstone stays after compaction reached it.',
  },
  'file.delete.delay.ms': {
    type: 'long',
    default: '60000',
    broker: 'log.segment.delete.delay.ms',
    min: 0,
    doc: 'Has no effect: files go at once, open readers keep what they hold.',
  },
  'flush.messages': {
    type: 'long',
    default: longMax,
    broker: 'log.flush.interval.messages',
    min: 1,
    doc: 'Has no effect: the broker is started with one durability for all topics.',
  },
  'flush.ms': {
    type: 'long',
    default: longMax,
    min: 0,
    doc: 'Has no effect: the broker is started with one durability for all topics.',
  },
  'follower.replication.throttled.replicas': {
    type: 'list',
    default: '',
    doc: 'Has no effect on one node.',
  },
  'index.interval.bytes': {
    type: 'int',
    default: '4096',
    broker: 'log.index.interval.bytes',
    min: 0,
    doc: 'Bytes of log between two entries of the sparse indexes; always 4096.',
  },
  'internal.segment.bytes': {
    type: 'int',
    default: '',
    min: 1,
    internal: true,
    doc: 'Segment size without the lower bound of segment.bytes, for tests.',
  },
  'leader.replication.throttled.replicas': {
    type: 'list',
    default: '',
    doc: 'Has no effect on one node.',
  },
  'local.retention.bytes': {
    type: 'long',
    default: '-2',
    broker: 'log.local.retention.bytes',
    min: -2,
    doc: 'Has no effect without tiered storage.',
  },
  'local.retention.ms': {
    type: 'long',
    default: '-2',
    broker: 'log.local.retention.ms',
    min: -2,
    doc: 'Has no effect without tiered storage.',
  },
  'max.compaction.lag.ms': {
    type: 'long',
    default: longMax,
    broker: 'log.cleaner.max.compaction.lag.ms',
    min: 1,
    doc: 'The longest a record may stay uncompacted.',
  },
  'max.message.bytes': {
    type: 'int',
    default: String(MiB + 12),
    broker: 'message.max.bytes',
    min: 0,
    doc: 'The largest record batch that is accepted.',
  },
  'message.timestamp.after.max.ms': {
    type: 'long',
    default: String(hourMs),
    broker: 'log.message.timestamp.after.max.ms',
    min: 0,
    doc: "How far a record's time may lie ahead of the broker's.",
  },
  'message.timestamp.before.max.ms': {
    type: 'long',
    default: longMax,
    broker: 'log.message.timestamp.before.max.ms',
    min: 0,
    doc: "How far a record's time may lie behind the broker's.",
  },
  'message.timestamp.type': {
    type: 'string',
    default: 'CreateTime',
    broker: 'log.message.timestamp.type',
    oneOf: ['CreateTime', 'LogAppendTime'],
    doc: "Whose time a record carries: the producer's or the broker's.",
  },
  'min.cleanable.dirty.ratio': {
    type: 'double',
    default: '0.5',
    broker: 'log.cleaner.min.cleanable.ratio',
    min: 0,
    max: 1,
    doc: 'The share of uncompacted bytes that makes a log due for compaction.',
  },
  'min.compaction.lag.ms': {
    type: 'long',
    default: '0',
    broker: 'log.cleaner.min.compaction.lag.ms',
    min: 0,
    doc: 'How long a record stays uncompacted at least.',
  },
  'min.insync.replicas': {
    type: 'int',
    default: '1',
    broker: 'min.insync.replicas',
    min: 1,
    doc: 'Has no effect on one node.',
  },
  preallocate: {
    ...flag,
    broker: 'log.preallocate',
    doc: 'Has no effect: segments grow as they are written.',
  },
  'remote.log.copy.disable': { ...flag, doc: 'Has no effect without tiered storage.' },
  'remote.log.delete.on.disable': { ...flag, doc: 'Has no effect without tiered storage.' },
  'remote.storage.enable': {
    ...flag,
    oneOf: ['false'],
    doc: 'There is no tiered storage.',
  },
  'retention.bytes': {
    type: 'long',
    default: '-1',
    broker: 'log.retention.bytes',
    doc: 'The size of a partition above which the oldest segments go; -1 for no limit.',
  },
  'retention.ms': {
    type: 'long',
    default: String(7 * dayMs),
    broker: 'log.retention.ms',
    min: -1,
    doc: 'The age of a segment, by its newest record, at which it goes; -1 for never.',
  },
  'segment.bytes': {
    type: 'int',
    default: String(GiB),
    broker: 'log.segment.bytes',
    min: MiB,
    doc: 'The size at which a new segment is begun.',
  },
  'segment.index.bytes': {
    type: 'int',
    default: String(10 * MiB),
    broker: 'log.index.size.max.bytes',
    min: 4,
    doc: 'Has no effect: indexes take what they need.',
  },
  'segment.jitter.ms': {
    type: 'long',
    default: '0',
    broker: 'log.roll.jitter.ms',
    min: 0,
    doc: 'Has no effect.',
  },
  'segment.ms': {
    type: 'long',
    default: String(7 * dayMs),
    broker: 'log.roll.ms',
    min: 1,
    doc: 'The age at which a new segment is begun although the old one is not full.',
  },
  'unclean.leader.election.enable': {
    ...flag,
    broker: 'unclean.leader.election.enable',
    doc: 'Has no effect on one node.',
  },
}

/** What the broker itself reads of a topic's settings. */
export interface TopicSettings extends LogSettings {
  maxMessageBytes: number
  timestampBeforeMaxMs: number
  timestampAfterMaxMs: number
}

/** Values by name; what is not in it has its default. */
export type ConfigValues = ReadonlyMap<string, string>

/** Says what is wrong with a value, or nothing. */
export function configFault(name: string, value: string): string | undefined {
  const definition = topicConfigs[name]
  if (!definition) return `Unknown topic config name: ${name}`
  const parts = definition.type === 'list' ? listOf(value) : [value.trim()]
  if (name === 'cleanup.policy' && parts.length === 0) return `${name} must not be empty`
  const bad = parts.find((part) => !isAllowed(definition, part))
  return bad === undefined ? undefined : `Invalid value ${value} for configuration ${name}`
}

function isAllowed({ type, oneOf, min, max }: ConfigDefinition, value: string): boolean {
  if (type === 'boolean') return oneOf?.includes(value.toLowerCase()) ?? false
  if (oneOf) return oneOf.includes(value)
  if (type === 'string' || type === 'list') return true
  const pattern = type === 'double' ? /^-?\d+(\.\d+)?([eE]-?\d+)?$/ : /^-?\d{1,19}$/
  if (!pattern.test(value)) return false
  const number = Number(value)
  const highest = max ?? (type === 'int' ? intMax : Number.MAX_VALUE)
  return number >= (min ?? -Number.MAX_VALUE) && number <= highest
}

export function listOf(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** The value that holds, and where it comes from. */
export function effectiveConfig(
  name: string,
  own: ConfigValues,
  broker: ConfigValues,
): { value: string; source: number } {
  const set = own.get(name)
  if (set !== undefined) return { value: set, source: configSources.topic }
  const fallback = broker.get(name)
  if (fallback !== undefined) return { value: fallback, source: configSources.staticBroker }
  const definition = topicConfigs[name]
  invariant(definition !== undefined, `a topic setting called ${name}`)
  return { value: definition.default, source: configSources.default }
}

export function settingsOf(own: ConfigValues, broker: ConfigValues): TopicSettings {
  const text = (name: string) => effectiveConfig(name, own, broker).value
  const number = (name: string) => Number(text(name))
  const policies = listOf(text('cleanup.policy'))
  return {
    segmentBytes: number('internal.segment.bytes') || number('segment.bytes'),
    segmentMs: number('segment.ms'),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    deletes: policies.includes('delete'),
    compacts: policies.includes('compact'),
    dirtyRatioMin: number('min.cleanable.dirty.ratio'),
    compactionLagMsMin: number('min.compaction.lag.ms'),
    compactionLagMsMax: number('max.compaction.lag.ms'),
    deleteRetentionMs: number('delete.retention.ms'),
    appendTime: text('message.timestamp.type') === 'LogAppendTime',
    maxMessageBytes: number('max.message.bytes'),
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
  }
}

/** One entry of DescribeConfigs. */
export interface ConfigDescription {
  name: string
  value: string | null
  readOnly: boolean
  isDefault: boolean
  source: number
  isSensitive: boolean
  synonyms: { name: string; value: string | null; source: number }[]
  configType: number
  documentation: string | null
}

export function describeTopicConfigs(
  own: ConfigValues,
  broker: ConfigValues,
  wanted: readonly string[] | null = null,
): ConfigDescription[] {
  return Object.entries(topicConfigs)
    .filter(([name, { internal }]) => (wanted ? wanted.includes(name) : !internal))
    .map(([name, definition]) => {
      const { value, source } = effectiveConfig(name, own, broker)
      return {
        name,
        value,
        source,
        readOnly: false,
        isDefault: source === configSources.default,
        isSensitive: false,
        synonyms: synonymsOf(name, definition, own, broker),
        configType: configTypes[definition.type],
        documentation: definition.doc,
      }
    })
}

/** Every level that has a value, the one that holds first. */
function synonymsOf(
  name: string,
  definition: ConfigDefinition,
  own: ConfigValues,
  broker: ConfigValues,
): ConfigDescription['synonyms'] {
  const synonyms: ConfigDescription['synonyms'] = []
  const set = own.get(name)
  if (set !== undefined) synonyms.push({ name, value: set, source: configSources.topic })
  if (definition.broker === undefined) return synonyms
  const fallback = broker.get(name)
  if (fallback !== undefined) {
    synonyms.push({
      name: definition.broker,
      value: fallback,
      source: configSources.staticBroker,
    })
  }
  synonyms.push({
    name: definition.broker,
    value: definition.default,
    source: configSources.default,
  })
  return synonyms
}
