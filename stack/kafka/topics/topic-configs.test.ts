// Every setting as DescribeConfigs tells it.

import { expect, test } from 'vitest'
import { configFault, configSources, describeTopicConfigs, topicConfigs } from './topic-configs.ts'

test('every setting that is listed has a default that may be set', () => {
  const faults = Object.entries(topicConfigs)
    .filter(([, { internal }]) => !internal)
    .flatMap(([name, definition]) => configFault(name, definition.default) ?? [])
  expect(faults).toEqual([])
})

test('a value is told with its source, and what would hold without it', () => {
  const described = describeTopicConfigs(
    new Map([['segment.bytes', '2000000']]),
    new Map([['segment.bytes', '134217728']]),
    ['segment.bytes', 'retention.ms', 'no.such'],
  )
  expect(
    described.map(({ name, value, source, isDefault }) => [name, value, source, isDefault]),
  ).toEqual([
    ['retention.ms', '604800000', configSources.default, true],
    ['segment.bytes', '2000000', configSources.topic, false],
  ])
  expect(described[1]?.synonyms.map(({ value, source }) => [value, source])).toEqual([
    ['2000000', configSources.topic],
    ['134217728', configSources.staticBroker],
    ['1073741824', configSources.default],
  ])
})
