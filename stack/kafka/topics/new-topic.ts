// Whether a topic may be created as a request asks for it (CreateTopics), and what it will be then.

import type { Logger } from '../../base/logger.ts'
import { errorCodes } from '../protocol/errors.ts'
import { configsOf } from './config-changes.ts'
import type { ConfigSetting } from './config-changes.ts'
import type { ConfigValues } from './topic-configs.ts'
import { collidingName, topicNameFault } from './topic-names.ts'

/** As CreateTopics asks for it. */
export interface NewTopic {
  name: string
  /** -1 for the default. */
  partitionCount: number
  replicationFactor: number
  assignments: readonly { index: number; brokerIds: readonly number[] }[]
  configs: readonly ConfigSetting[]
}

export interface Outcome {
  errorCode: number
  errorMessage: string | null
}

/** What a new topic will be, once its request was found right. */
export interface CheckedTopic {
  name: string
  partitionCount: number
  configs: ConfigValues
}

export interface NewTopicRules {
  nodeId: number
  defaultPartitions: number
  /** False refuses a replication factor above 1, as Kafka does with one node. */
  clampReplication: boolean
  logger: Logger
}

export const partitionsMax = 10_000

export function checkNewTopic(
  wanted: NewTopic,
  taken: ReadonlyMap<string, unknown>,
  rules: NewTopicRules,
): Outcome | CheckedTopic {
  const { name } = wanted
  const nameFault = topicNameFault(name)
  if (nameFault !== undefined) return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, nameFault)
  if (taken.has(name))
    return refuse(errorCodes.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  const other = collidingName(name, taken.keys())
  if (other !== undefined) {
    const fault = `Topic '${name}' collides with existing topics: ${other}`
    return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, fault)
  }
  const configs = configsOf(wanted.configs)
  if ('errorCode' in configs) return configs
  const placed =
    wanted.assignments.length > 0 ? checkAssignments(wanted, rules) : checkCounts(wanted, rules)
  return 'errorCode' in placed ? placed : { name, ...placed, configs }
}

type Placed = Outcome | { partitionCount: number }

function checkCounts(
  { name, partitionCount, replicationFactor }: NewTopic,
  rules: NewTopicRules,
): Placed {
  if (replicationFactor === 0 || replicationFactor < -1) return notReplicated(replicationFactor)
  if (partitionCount === 0 || partitionCount < -1 || partitionCount > partitionsMax) {
    const fault = `Number of partitions must be between 1 and ${partitionsMax}, or -1 for the default.`
    return refuse(errorCodes.INVALID_PARTITIONS, fault)
  }
  if (replicationFactor > 1 && !rules.clampReplication) return notReplicated(replicationFactor)
  if (replicationFactor > 1) {
    rules.logger.warn('the replication factor was clamped to 1: this is one node', {
      topic: name,
      wanted: replicationFactor,
    })
  }
  return { partitionCount: partitionCount === -1 ? rules.defaultPartitions : partitionCount }
}

function notReplicated(replicationFactor: number): Outcome {
  const fault = `Unable to replicate the partition ${replicationFactor} time(s): there is 1 broker.`
  return refuse(errorCodes.INVALID_REPLICATION_FACTOR, fault)
}

function checkAssignments(
  { partitionCount, replicationFactor, assignments }: NewTopic,
  { nodeId }: NewTopicRules,
): Placed {
  if (partitionCount !== -1 || replicationFactor !== -1) {
    const fault = 'Partition count and replication factor must be -1 beside an assignment.'
    return refuse(errorCodes.INVALID_REQUEST, fault)
  }
  const indexes = new Set(assignments.map(({ index }) => index))
  const isComplete =
    indexes.size === assignments.length && assignments.every((_, i) => indexes.has(i))
  const isHere = assignments.every(
    ({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === nodeId,
  )
  if (isComplete && isHere && assignments.length <= partitionsMax)
    return { partitionCount: assignments.length }
  const fault = `Partitions must be numbered from 0 and lie on node ${nodeId}.`
  return refuse(errorCodes.INVALID_REPLICA_ASSIGNMENT, fault)
}

function refuse(errorCode: number, errorMessage: string): Outcome {
  return { errorCode, errorMessage }
}
