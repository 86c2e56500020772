// A topic as others see it, and as it lives in the catalog: its entry in the journal, its settings, its partitions.

import type { JournalEntry } from '../journal/journal.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { settingsOf } from './topic-configs.ts'
import type { ConfigValues, TopicSettings } from './topic-configs.ts'

export interface Topic {
  readonly id: string
  readonly name: string
  readonly partitions: readonly PartitionLog[]
  /** What was set for this topic; the rest are defaults. */
  readonly configs: ConfigValues
  readonly settings: TopicSettings
}

export interface TopicEntry extends JournalEntry {
  kind: 'topic'
  id: string
  name: string
  partitions: number
  configs: Record<string, string>
}

export interface TopicDeletedEntry extends JournalEntry {
  kind: 'topic-deleted'
  id: string
}

export class LiveTopic implements Topic {
  readonly id: string
  readonly name: string
  readonly partitions: PartitionLog[] = []
  configs: ConfigValues
  settings: TopicSettings
  partitionCount: number

  constructor(entry: TopicEntry, brokerConfigs: ConfigValues) {
    this.id = entry.id
    this.name = entry.name
    this.partitionCount = entry.partitions
    this.configs = new Map(Object.entries(entry.configs))
    this.settings = settingsOf(this.configs, brokerConfigs)
  }

  /** Another entry of the same topic: more partitions, other settings. */
  change(entry: TopicEntry, brokerConfigs: ConfigValues): void {
    this.partitionCount = Math.max(this.partitionCount, entry.partitions)
    this.configs = new Map(Object.entries(entry.configs))
    this.settings = settingsOf(this.configs, brokerConfigs)
  }

  entry(): TopicEntry {
    return {
      kind: 'topic',
      id: this.id,
      name: this.name,
      partitions: this.partitionCount,
      configs: Object.fromEntries(this.configs),
    }
  }
}
