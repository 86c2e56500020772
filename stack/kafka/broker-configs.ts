// The broker's own settings as DescribeConfigs lists them, under Kafka's names: what tools look for, and every topic
// setting by the name of its broker-wide default. All of them are given at start.

import type { BrokerServices } from './broker.ts'
import type { ConfigDescription } from './topics/topic-configs.ts'
import {
  configSources,
  configTypes,
  effectiveConfig,
  topicConfigs,
} from './topics/topic-configs.ts'

interface BrokerConfig {
  type: keyof typeof configTypes
  value: string
  source: number
  doc: string
}

const fixed = configSources.staticBroker

export function describeBrokerConfigs(
  services: BrokerServices,
  wanted: readonly string[] | null,
): ConfigDescription[] {
  const configs = { ...ownConfigs(services), ...topicDefaults(services) }
  return Object.entries(configs)
    .filter(([name]) => wanted?.includes(name) ?? true)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { type, value, source, doc }]) => ({
      name,
      value,
      readOnly: true,
      isDefault: source === configSources.default,
      source,
      isSensitive: false,
      synonyms: [{ name, value, source }],
      configType: configTypes[type],
      documentation: doc,
    }))
}

function ownConfigs({ cluster, dataDir, settings }: BrokerServices): Record<string, BrokerConfig> {
  const node = cluster.self
  const listener = `PLAINTEXT://${node.host}:${node.port}`
  return {
    'advertised.listeners': {
      type: 'list',
      value: listener,
      source: fixed,
      doc: 'Where clients connect.',
    },
    'auto.create.topics.enable': {
      type: 'boolean',
      value: String(settings.autoCreateTopics),
      source: fixed,
      doc: 'Whether a topic is created when its metadata is asked for.',
    },
    'broker.id': { type: 'int', value: String(node.id), source: fixed, doc: 'The one node.' },
    'default.replication.factor': {
      type: 'int',
      value: '1',
      source: configSources.default,
      doc: 'One node keeps one copy.',
    },
    'delete.topic.enable': {
      type: 'boolean',
      value: 'true',
      source: configSources.default,
      doc: 'Topics can be deleted.',
    },
    listeners: { type: 'list', value: listener, source: fixed, doc: 'Where the broker listens.' },
    'log.dirs': { type: 'list', value: dataDir, source: fixed, doc: 'The data folder.' },
    'node.id': { type: 'int', value: String(node.id), source: fixed, doc: 'The one node.' },
    'num.partitions': {
      type: 'int',
      value: String(settings.defaultPartitions),
      source: fixed,
      doc: 'Partitions of a topic that is created without a number.',
    },
  }
}

function topicDefaults({ catalog }: BrokerServices): Record<string, BrokerConfig> {
  const entries = Object.entries(topicConfigs).flatMap(([name, definition]) => {
    if (definition.broker === undefined) return []
    const { value, source } = effectiveConfig(name, new Map(), catalog.brokerConfigs)
    const config: BrokerConfig = { type: definition.type, value, source, doc: definition.doc }
    return [[definition.broker, config] as const]
  })
  return Object.fromEntries(entries)
}
