// The messages of google.pubsub.v1 as the loader gives and takes them: plain objects, fields that are absent are null
// (messages), empty (texts, lists) or 0.

import type { DurationMessage, TimestampMessage } from './durations.ts'

export interface TopicMessage {
  name: string
  labels: Record<string, string>
  kmsKeyName: string
  messageStoragePolicy: unknown
  schemaSettings: unknown
  messageRetentionDuration: DurationMessage | null
  ingestionDataSourceSettings: unknown
  messageTransforms: unknown[]
}

export interface PushConfigMessage {
  pushEndpoint: string
  attributes: Record<string, string>
  noWrapper: { writeMetadata: boolean } | null
}

export interface SubscriptionMessage {
  name: string
  topic: string
  pushConfig: PushConfigMessage | null
  bigqueryConfig: unknown
  cloudStorageConfig: unknown
  bigtableConfig: unknown
  ackDeadlineSeconds: number
  retainAckedMessages: boolean
  messageRetentionDuration: DurationMessage | null
  labels: Record<string, string>
  enableMessageOrdering: boolean
  expirationPolicy: { ttl: DurationMessage | null } | null
  filter: string
  deadLetterPolicy: { deadLetterTopic: string; maxDeliveryAttempts: number } | null
  retryPolicy: {
    minimumBackoff: DurationMessage | null
    maximumBackoff: DurationMessage | null
  } | null
  enableExactlyOnceDelivery: boolean
  messageTransforms: unknown[]
}

export interface SnapshotMessage {
  name: string
  topic: string
  expireTime: TimestampMessage
  labels: Record<string, string>
}

export interface StreamingPullRequest {
  subscription: string
  ackIds: string[]
  modifyDeadlineSeconds: number[]
  modifyDeadlineAckIds: string[]
  streamAckDeadlineSeconds: number
  clientId: string
  maxOutstandingMessages: number
  maxOutstandingBytes: number
  protocolVersion: number
}

export interface Page {
  pageSize: number
  pageToken: string
}

export interface FieldMask {
  paths: string[]
}
