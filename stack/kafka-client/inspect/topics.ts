// Topics as rows: all of them, a line each, or the partitions of one.

import kafkajs from 'kafkajs'
import type { Admin } from 'kafkajs'
import { OperatingError } from '../../base/errors.ts'
import type { Row } from './print.ts'

export async function topicRows(admin: Admin): Promise<Row[]> {
  const names = (await admin.listTopics()).sort()
  if (names.length === 0) return []
  const configs = await settingsOf(admin, names)
  const { topics } = await admin.fetchTopicMetadata({ topics: names })
  const partitions = new Map(topics.map((topic) => [topic.name, topic.partitions.length]))
  const rows: Row[] = []
  for (const topic of names) {
    const offsets = await admin.fetchTopicOffsets(topic)
    const settings = configs.get(topic)
    rows.push({
      topic,
      partitions: partitions.get(topic) ?? 0,
      // Offsets that compaction took and those of control records count as well.
      offsets: offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0),
      cleanup: settings?.get('cleanup.policy') ?? null,
      retention: retentionOf(settings?.get('retention.ms')),
    })
  }
  return rows
}

export async function partitionRows(admin: Admin, topic: string): Promise<Row[]> {
  const names = await admin.listTopics()
  if (!names.includes(topic)) {
    throw new OperatingError(`there is no topic "${topic}"`, {
      hint: `there are ${names.sort().join(', ') || 'none at all'}`,
    })
  }
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const offsets = await admin.fetchTopicOffsets(topic)
  const leaders = new Map(topics[0]?.partitions.map((each) => [each.partitionId, each.leader]))
  return offsets
    .sort((a, b) => a.partition - b.partition)
    .map(({ partition, low, high }) => ({
      topic,
      partition,
      leader: leaders.get(partition) ?? null,
      startOffset: Number(low),
      highWatermark: Number(high),
    }))
}

async function settingsOf(
  admin: Admin,
  topics: readonly string[],
): Promise<Map<string, Map<string, string>>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name,
      configNames: ['cleanup.policy', 'retention.ms'],
    })),
  })
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    ]),
  )
}

const spans: readonly [ms: number, unit: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
  [1, 'ms'],
]

function retentionOf(text: string | undefined): string | null {
  if (text === undefined || text === '') return null
  const retentionMs = Number(text)
  if (retentionMs < 0) return 'for ever'
  const [ms, unit] = spans.find(([each]) => retentionMs % each === 0) ?? [1, 'ms']
  return `${retentionMs / ms} ${unit}`
}
