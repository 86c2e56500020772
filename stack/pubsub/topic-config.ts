// A topic as it is kept, from the message of a request and back.

import { durationMs, toDuration } from './durations.ts'
import type { DurationMessage } from './durations.ts'
import { retentionMs } from './limits.ts'
import type { TopicMessage } from './messages.ts'
import { checkName } from './names.ts'
import { invalid, unimplemented } from './refused.ts'

export interface TopicConfig {
  labels: Record<string, string>
  kmsKeyName: string
  messageStoragePolicy: unknown
  /** Undefined: messages stay only as long as a subscription needs them. */
  retentionMs?: number
}

export const topicFields = {
  changeable: ['labels', 'messageStoragePolicy', 'messageRetentionDuration', 'kmsKeyName'],
  immutable: ['name'],
} as const

export function topicConfig(message: TopicMessage): TopicConfig {
  checkName(message.name, 'topics')
  if (message.schemaSettings) throw unimplemented('A schema of a topic')
  if (message.ingestionDataSourceSettings) throw unimplemented('Ingestion into a topic')
  if (message.messageTransforms.length > 0) throw unimplemented('A message transform')
  const retention = message.messageRetentionDuration
  return {
    labels: message.labels,
    kmsKeyName: message.kmsKeyName,
    messageStoragePolicy: message.messageStoragePolicy,
    ...(retention && { retentionMs: checkRetention(retention, retentionMs.topic) }),
  }
}

export function topicMessage(name: string, config: TopicConfig): object {
  const { labels, kmsKeyName, messageStoragePolicy } = config
  return {
    name,
    labels,
    kmsKeyName,
    messageStoragePolicy,
    state: 'ACTIVE',
    ...(config.retentionMs !== undefined && {
      messageRetentionDuration: toDuration(config.retentionMs),
    }),
  }
}

export function checkRetention(
  duration: DurationMessage,
  { least, most }: { least: number; most: number },
): number {
  const ms = durationMs(duration)
  if (ms >= least && ms <= most) return ms
  throw invalid(
    `Invalid message_retention_duration: ${ms / 1000} s. It must be from ${least / 1000} s to ${most / 1000} s.`,
  )
}
