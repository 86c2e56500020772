// A broker under comparison: carries commands out over the wire and answers with what any client could tell apart, with
// ids and names taken out that each broker chooses for itself.

import { systemClock } from '../../base/clock.ts'
import { errorName } from '../protocol/errors.ts'
import { metadata } from '../protocol/messages/cluster.ts'
import {
  deleteRecords,
  fetch,
  initProducerId,
  listOffsets,
  produce,
} from '../protocol/messages/data.ts'
import {
  consumerGroupDescribe,
  consumerGroupHeartbeat,
  deleteGroups,
  findCoordinator,
  offsetCommit,
  offsetDelete,
  offsetFetch,
} from '../protocol/messages/group.ts'
import {
  createPartitions,
  createTopics,
  deleteTopics,
  describeConfigs,
  incrementalAlterConfigs,
} from '../protocol/messages/topics.ts'
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  describeProducers,
  describeTransactions,
  endTxn,
  txnOffsetCommit,
} from '../protocol/messages/transactions.ts'
import type { IdPartitions } from '../consumer-group/partition-set.ts'
import { packBatch } from '../protocol/packed-batch.ts'
import {
  batchRecords,
  buildBatch,
  codecOf,
  hasAppendTime,
  isControl,
  readBatchHeader,
  readMarker,
  transactionalBit,
} from '../protocol/record-batch.ts'
import { zeroUuid } from '../protocol/types.ts'
import { WireClient } from '../wire-client.ts'
import { fetchOf, readCommitted } from '../wire-requests.ts'
import type { Command, CommandName, HeartbeatStep } from './commands.ts'
import { membersMax, recordSpacingMs, recordsMax } from './commands.ts'

export type Outcome = unknown

interface Producer {
  producerId: number
  producerEpoch: number
  isTransactional: boolean
  /** `topic-partition` → the sequence that is due. */
  sequences: Map<string, number>
}

/** A member of a group, as it was last told. */
interface Consumer {
  epoch: number
  owned: IdPartitions[]
}

interface Run {
  /** Of every name in it, so that sequences do not meet. */
  prefix: string
  /** Of the first record. */
  baseMs: number
}

const settleMs = 20
/** A coordinator of Kafka's hears of topics after everybody else. */
const coordinatorSettleMs = 100
const settlePatienceMs = 10_000

export class Subject {
  readonly #client: WireClient
  #run: Run = { prefix: '', baseMs: 0 }
  #producers = new Map<number, Producer>()
  #consumers = new Map<string, Consumer>()
  /** Id → name: what was deleted and made again has two. */
  #topicNames = new Map<string, string>()
  #firstRecord = 0

  private constructor(client: WireClient) {
    this.#client = client
  }

  /** A cluster makes its own topics for groups and transactions when they are first asked for. */
  static async connect(port: number): Promise<Subject> {
    const subject = new Subject(await WireClient.connect(port))
    for (const keyType of [0, 1]) {
      await settled(async () => {
        const answer = await subject.#client.call(findCoordinator, 2, {
          key: 'first',
          keyType,
          coordinatorKeys: [],
        })
        return answer.errorCode === 0
      })
    }
    return subject
  }

  begin(run: Run): void {
    this.#run = run
    this.#producers = new Map()
    this.#consumers = new Map()
  }

  /** Whoever is asked again produces the same records: they are numbered by the command's place. */
  run(command: Command, index: number): Promise<Outcome> {
    this.#firstRecord = index * recordsMax
    const carryOut = this.#commands[command.do] as (command: Command) => Promise<Outcome>
    return carryOut(command)
  }

  /** What was made goes again, so that thousands of runs do not pile up. */
  async cleanUp(): Promise<void> {
    const names = [0, 1, 2].map((topic) => this.#topic(topic))
    await this.#client.call(deleteTopics, 4, { topics: [], names, timeoutMs: 5000 })
  }

  close(): void {
    this.#client.close()
  }

  readonly #commands: {
    [K in CommandName]: (command: Extract<Command, { do: K }>) => Promise<Outcome>
  } = {
    createTopic: async ({ topic, partitions, replicas, config, validateOnly }) => {
      const name = this.#topic(topic)
      const answer = await this.#client.call(createTopics, 5, {
        topics: [
          {
            name,
            partitionCount: partitions,
            replicationFactor: replicas,
            assignments: [],
            configs: config ? [config] : [],
          },
        ],
        timeoutMs: 5000,
        validateOnly,
      })
      const made = only(answer.topics)
      if (made.errorCode === 0 && !validateOnly) {
        await settled(async () => (await this.#partitions(name)) === made.partitionCount)
        const { topicId } = await this.#describe(name)
        this.#topicNames.set(topicId, `t${topic}`)
        await systemClock.sleep(coordinatorSettleMs)
      }
      return { error: errorName(made.errorCode), partitions: made.partitionCount }
    },
    deleteTopic: async ({ topic }) => {
      const name = this.#topic(topic)
      const answer = await this.#client.call(deleteTopics, 4, {
        topics: [],
        names: [name],
        timeoutMs: 5000,
      })
      const { errorCode } = only(answer.responses)
      if (errorCode === 0) {
        for (const { sequences } of this.#producers.values()) {
          for (const key of sequences.keys()) if (key.startsWith(`${topic}-`)) sequences.delete(key)
        }
        await settled(async () => (await this.#partitions(name)) === 0)
        await systemClock.sleep(coordinatorSettleMs)
      }
      return errorName(errorCode)
    },
    createPartitions: async ({ topic, count }) => {
      const name = this.#topic(topic)
      const answer = await this.#client.call(createPartitions, 1, {
        topics: [{ name, count, assignments: null }],
        timeoutMs: 5000,
        validateOnly: false,
      })
      const { errorCode } = only(answer.results)
      if (errorCode === 0) {
        await settled(async () => (await this.#partitions(name)) === count)
        await systemClock.sleep(coordinatorSettleMs)
      }
      return errorName(errorCode)
    },
    describeTopic: async ({ topic }) => {
      const { errorCode, partitions } = await this.#describe(this.#topic(topic))
      return { error: errorName(errorCode), partitions: partitions.length }
    },
    alterConfig: async ({ topic, setting }) => {
      const resource = { type: topicResource, name: this.#topic(topic) }
      const answer = await this.#client.call(incrementalAlterConfigs, 1, {
        resources: [{ ...resource, configs: [{ ...setting, operation: 0 }] }],
        validateOnly: false,
      })
      const { errorCode } = only(answer.responses)
      if (errorCode === 0) {
        await settled(async () => {
          const { configs } = await this.#configs(resource.name, setting.name)
          return configs[0]?.value === setting.value
        })
        // What it describes, a log of Kafka's does a moment later.
        await systemClock.sleep(coordinatorSettleMs)
      }
      return errorName(errorCode)
    },
    describeConfig: async ({ topic, name }) => {
      const { errorCode, configs } = await this.#configs(this.#topic(topic), name)
      return {
        error: errorName(errorCode),
        configs: configs.map((each) => `${each.name}=${each.value} of ${each.source}`),
      }
    },
    produce: async (command) => {
      const { topic, partition, acks, count, producer: index, slip, codec, damage } = command
      const producer = index === undefined ? undefined : this.#producers.get(index)
      const isTransactional = command.isTransactional && producer?.isTransactional === true
      const key = `${topic}-${partition}`
      const due = producer?.sequences.get(key) ?? 0
      const plain = buildBatch({
        records: Array.from({ length: count }, (_, i) => this.#record(this.#firstRecord + i)),
        ...(producer
          ? {
              producerId: producer.producerId,
              producerEpoch: producer.producerEpoch,
              baseSequence: Math.max(due + slip, 0),
            }
          : {}),
        attributes: isTransactional ? transactionalBit : 0,
      })
      const records = packBatch(plain, codec)
      if (damage) records.writeUInt8(records.readUInt8(records.length - 1) ^ 1, records.length - 1)
      const answer = await this.#client.call(produce, 8, {
        transactionalId: isTransactional ? this.#transaction(index as number) : null,
        acks,
        timeoutMs: 5000,
        topics: [{ name: this.#topic(topic), partitions: [{ index: partition, records }] }],
      })
      const { errorCode, baseOffset, logAppendTimeMs, logStartOffset } = only(
        only(answer.responses).partitions,
      )
      if (errorCode === 0 && slip === 0) producer?.sequences.set(key, due + count)
      return {
        error: errorName(errorCode),
        baseOffset,
        logStartOffset,
        hasAppendTime: logAppendTimeMs >= 0,
      }
    },
    fetch: async ({ topic, partition, offset, committed }) => {
      const isolationLevel = committed ? readCommitted : 0
      const at = { index: partition, offset, minBytes: 0, maxBytes: 1_000_000, isolationLevel }
      const answer = await this.#client.call(fetch, 11, fetchOf(this.#topic(topic), at))
      const found = only(only(answer.responses).partitions)
      return {
        error: errorName(found.errorCode),
        highWatermark: found.highWatermark,
        lastStableOffset: found.lastStableOffset,
        logStartOffset: found.logStartOffset,
        aborted: (found.abortedTransactions ?? []).map(
          ({ producerId, firstOffset }) => `${this.#producerName(producerId)}@${firstOffset}`,
        ),
        batches: this.#batches(Buffer.concat(found.records)),
      }
    },
    listOffsets: async ({ topic, partition, timestamp, committed }) => {
      const timestampMs = timestamp < 0 ? timestamp : this.#run.baseMs + timestamp * recordSpacingMs
      const answer = await this.#client.call(listOffsets, 7, {
        replicaId: -1,
        isolationLevel: committed ? 1 : 0,
        topics: [
          {
            name: this.#topic(topic),
            partitions: [{ index: partition, currentLeaderEpoch: -1, timestampMs }],
          },
        ],
        timeoutMs: 0,
      })
      const found = only(only(answer.topics).partitions)
      return {
        error: errorName(found.errorCode),
        offset: found.offset,
        timestamp: this.#timeOf(found.timestampMs),
      }
    },
    deleteRecords: async ({ topic, partition, offset }) => {
      const answer = await this.#client.call(deleteRecords, 1, {
        topics: [{ name: this.#topic(topic), partitions: [{ index: partition, offset }] }],
        timeoutMs: 5000,
      })
      const { errorCode, lowWatermark } = only(only(answer.topics).partitions)
      return { error: errorName(errorCode), lowWatermark }
    },
    describeProducers: async ({ topic, partition }) => {
      const answer = await this.#client.call(describeProducers, 0, {
        topics: [{ name: this.#topic(topic), partitions: [partition] }],
      })
      const { errorCode, activeProducers } = only(only(answer.topics).partitions)
      const producers = activeProducers.map(
        (each) =>
          `${this.#producerName(each.producerId)} epoch ${each.producerEpoch} sequence ${each.lastSequence} transaction at ${each.currentTxnStartOffset}`,
      )
      return { error: errorName(errorCode), producers: producers.sort() }
    },
    initProducer: ({ producer }) => this.#init(producer, null, 0),
    initTransaction: ({ producer, timeoutMs }) =>
      this.#init(producer, this.#transaction(producer), timeoutMs),
    addPartition: async ({ topic, partition, producer, epochSlip }) => {
      const answer = await this.#client.call(addPartitionsToTxn, 3, {
        ...this.#inTransaction(producer, epochSlip),
        topics: [{ name: this.#topic(topic), partitions: [partition] }],
      })
      return errorName(only(only(answer.results).partitions).errorCode)
    },
    addGroup: async ({ producer, group }) => {
      const answer = await this.#client.call(addOffsetsToTxn, 3, {
        ...this.#inTransaction(producer),
        groupId: this.#group(group),
      })
      return errorName(answer.errorCode)
    },
    commitInTransaction: async ({ topic, partition, producer, group, offset }) => {
      const answer = await this.#client.call(txnOffsetCommit, 3, {
        ...this.#inTransaction(producer),
        groupId: this.#group(group),
        generationId: -1,
        memberId: '',
        groupInstanceId: null,
        topics: [{ name: this.#topic(topic), partitions: [offsetOf(partition, offset)] }],
      })
      return errorName(only(only(answer.topics).partitions).errorCode)
    },
    endTransaction: async ({ producer, commits, epochSlip }) => {
      const answer = await this.#client.call(endTxn, 3, {
        ...this.#inTransaction(producer, epochSlip),
        commits,
      })
      if (answer.errorCode === 0) await this.#markersWritten(producer)
      return errorName(answer.errorCode)
    },
    describeTransaction: async ({ producer }) => {
      const found = await this.#transactionState(producer)
      return {
        error: errorName(found.errorCode),
        state: found.state,
        timeoutMs: found.timeoutMs,
        producer: this.#producerName(found.producerId),
        epoch: found.producerEpoch,
        partitions: found.topics
          .flatMap(({ name, partitions }) => partitions.map((each) => this.#plain(name) + each))
          .sort(),
      }
    },
    commitOffset: async ({ topic, partition, group, offset, generation }) => {
      const answer = await this.#client.call(offsetCommit, 7, {
        groupId: this.#group(group),
        generationId: generation,
        memberId: '',
        groupInstanceId: null,
        retentionTimeMs: -1,
        topics: [{ name: this.#topic(topic), partitions: [offsetOf(partition, offset)] }],
      })
      return errorName(only(only(answer.topics).partitions).errorCode)
    },
    fetchOffset: async ({ topic, partition, group, stable }) => {
      const answer = await this.#client.call(offsetFetch, 7, {
        groupId: this.#group(group),
        topics: [{ name: this.#topic(topic), partitions: [partition] }],
        groups: [],
        requireStable: stable,
      })
      const found = answer.topics[0]?.partitions[0]
      return {
        error: errorName(answer.errorCode),
        partitionError: found && errorName(found.errorCode),
        offset: found?.offset,
        metadata: found?.metadata,
      }
    },
    deleteOffset: async ({ topic, partition, group }) => {
      const answer = await this.#client.call(offsetDelete, 0, {
        groupId: this.#group(group),
        topics: [{ name: this.#topic(topic), partitions: [{ index: partition }] }],
      })
      const found = answer.topics[0]?.partitions[0]
      return {
        error: errorName(answer.errorCode),
        partitionError: found && errorName(found.errorCode),
      }
    },
    deleteGroup: async ({ group }) => {
      const answer = await this.#client.call(deleteGroups, 1, { groups: [this.#group(group)] })
      return errorName(only(answer.results).errorCode)
    },
    heartbeat: async ({ group, member, step, owned, topics }) => {
      const memberId = this.#member(member)
      const told = this.#consumers.get(`${group}/${member}`) ?? { epoch: 0, owned: [] }
      const joins = step === 'join' || (step === 'told' && told.epoch === 0)
      const topicNames = topics?.map((topic) => this.#topic(topic))
      const answer = await this.#client.call(consumerGroupHeartbeat, 1, {
        groupId: this.#group(group),
        memberId,
        memberEpoch: joins ? 0 : said(told.epoch, step),
        instanceId: member === membersMax - 1 ? 'instance' : null,
        rackId: null,
        rebalanceTimeoutMs: joins || owned === 'all' ? 60_000 : -1,
        subscribedTopicNames: topicNames ?? (joins ? [this.#topic(0)] : null),
        subscribedTopicRegex: null,
        serverAssignor: joins ? 'range' : null,
        topicPartitions: joins ? [] : { ...ownedAs, 'as told': told.owned, all: told.owned }[owned],
      })
      const { errorCode, memberEpoch, assignment } = answer
      const isIn = errorCode === 0 && memberEpoch > 0
      this.#consumers.set(`${group}/${member}`, {
        epoch: isIn ? memberEpoch : isEnd(errorCode) || memberEpoch < 0 ? 0 : told.epoch,
        owned: assignment?.topicPartitions ?? told.owned,
      })
      return {
        error: errorName(errorCode),
        message: answer.errorMessage?.replaceAll(this.#run.prefix, ''),
        isSameMember: answer.memberId === memberId,
        epoch: memberEpoch,
        assignment: assignment && this.#named(assignment.topicPartitions),
      }
    },
    commitAsMember: async ({ topic, partition, group, member, epochSlip, offset }) => {
      const { epoch = 0 } = this.#consumers.get(`${group}/${member}`) ?? {}
      const answer = await this.#client.call(offsetCommit, 9, {
        groupId: this.#group(group),
        generationId: epoch + epochSlip,
        memberId: this.#member(member),
        groupInstanceId: null,
        retentionTimeMs: -1,
        topics: [{ name: this.#topic(topic), partitions: [offsetOf(partition, offset)] }],
      })
      return errorName(only(only(answer.topics).partitions).errorCode)
    },
    fetchAsMember: async ({ topic, partition, group, member, epochSlip }) => {
      const { epoch = 0 } = this.#consumers.get(`${group}/${member}`) ?? {}
      const answer = await this.#client.call(offsetFetch, 9, {
        groupId: '',
        topics: [],
        groups: [
          {
            groupId: this.#group(group),
            memberId: this.#member(member),
            memberEpoch: epoch + epochSlip,
            topics: [{ name: this.#topic(topic), partitions: [partition] }],
          },
        ],
        requireStable: false,
      })
      const found = only(answer.groups)
      return {
        error: errorName(found.errorCode),
        offset: found.topics[0]?.partitions[0]?.offset,
      }
    },
    describeConsumers: async ({ group }) => {
      const answer = await this.#client.call(consumerGroupDescribe, 1, {
        groupIds: [this.#group(group)],
        includeAuthorizedOperations: false,
      })
      const found = only(answer.groups)
      return {
        error: errorName(found.errorCode),
        message: found.errorMessage?.replaceAll(this.#run.prefix, ''),
        state: found.groupState,
        epochs: [found.groupEpoch, found.assignmentEpoch],
        assignor: found.assignorName,
        members: found.members
          .map((member) => ({
            id: member.memberId.replace(this.#run.prefix, ''),
            instanceId: member.instanceId,
            epoch: member.memberEpoch,
            topics: member.subscribedTopicNames.map((name) => this.#plain(name)).sort(),
            has: this.#named(member.assignment.topicPartitions),
            target: this.#named(member.targetAssignment.topicPartitions),
          }))
          .sort((a, b) => (a.id < b.id ? -1 : 1)),
      }
    },
  }

  async #init(index: number, transactionalId: string | null, timeoutMs: number): Promise<Outcome> {
    const answer = await this.#client.call(initProducerId, 2, {
      transactionalId,
      transactionTimeoutMs: timeoutMs,
      producerId: -1,
      producerEpoch: -1,
    })
    if (answer.errorCode === 0) {
      this.#producers.set(index, {
        producerId: answer.producerId,
        producerEpoch: answer.producerEpoch,
        isTransactional: transactionalId !== null,
        sequences: new Map(),
      })
    }
    return { error: errorName(answer.errorCode), epoch: answer.producerEpoch }
  }

  #inTransaction(index: number, epochSlip = 0) {
    const { producerId = 77_777, producerEpoch = 0 } = this.#producers.get(index) ?? {}
    return {
      transactionalId: this.#transaction(index),
      producerId,
      producerEpoch: producerEpoch + epochSlip,
    }
  }

  /** Kafka answers when it has decided, and writes the markers behind that. */
  async #markersWritten(index: number): Promise<void> {
    await settled(async () => {
      const { state } = await this.#transactionState(index)
      return state !== 'PrepareCommit' && state !== 'PrepareAbort'
    })
  }

  async #transactionState(index: number) {
    const answer = await this.#client.call(describeTransactions, 0, {
      transactionalIds: [this.#transaction(index)],
    })
    return only(answer.transactions)
  }

  async #configs(topic: string, name: string) {
    const answer = await this.#client.call(describeConfigs, 1, {
      resources: [{ type: topicResource, name: topic, keys: [name] }],
      includeSynonyms: false,
      includeDocumentation: false,
    })
    return only(answer.results)
  }

  async #describe(name: string) {
    const answer = await this.#client.call(metadata, 10, {
      topics: [{ topicId: zeroUuid, name }],
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    return only(answer.topics)
  }

  /** Those that have a leader. */
  async #partitions(name: string): Promise<number> {
    const { partitions } = await this.#describe(name)
    return partitions.filter(({ errorCode, leaderId }) => errorCode === 0 && leaderId >= 0).length
  }

  #record(index: number) {
    return {
      key: Buffer.from(`k${index % 3}`),
      value: Buffer.from(`value ${index}`),
      timestampMs: this.#run.baseMs + index * recordSpacingMs,
    }
  }

  #batches(bytes: Buffer): string[] {
    const texts: string[] = []
    for (let at = 0; at < bytes.length;) {
      const header = readBatchHeader(bytes, at)
      if (at + header.sizeBytes > bytes.length) break
      const who =
        header.producerId < 0
          ? ''
          : ` by ${this.#producerName(header.producerId)} epoch ${header.producerEpoch} sequence ${header.baseSequence}`
      texts.push(
        `${header.baseOffset}-${header.lastOffset}${who} in codec ${codecOf(header)}: ${this.#content(bytes, at)}`,
      )
      at += header.sizeBytes
    }
    return texts
  }

  #content(bytes: Buffer, at: number): string {
    const header = readBatchHeader(bytes, at)
    if (isControl(header)) return readMarker(bytes, at)?.commits ? 'commit' : 'abort'
    const time = (ms: number) => (hasAppendTime(header) ? 'appended' : this.#timeOf(ms))
    return [...batchRecords(bytes, at)]
      .map(
        (record) =>
          `${record.offset} ${String(record.key)}=${String(record.value)} at ${time(record.timestampMs)}`,
      )
      .join(', ')
  }

  /** In records; brokers stamp their own time on some. */
  #timeOf(ms: number): number | string {
    if (ms < 0) return ms
    const at = (ms - this.#run.baseMs) / recordSpacingMs
    return Number.isInteger(at) && at >= 0 && at < 1000 ? at : 'of the broker'
  }

  #producerName(producerId: number): string {
    for (const [index, producer] of this.#producers) {
      if (producer.producerId === producerId) return `p${index}`
    }
    return producerId < 0 ? 'nobody' : 'somebody'
  }

  #named(topics: readonly IdPartitions[]): string[] {
    return topics
      .map(({ topicId, partitions }) => {
        const name = this.#topicNames.get(topicId) ?? 'unknown'
        return `${name}: ${partitions.toSorted((a, b) => a - b).join(' ')}`
      })
      .sort()
  }

  #member(index: number): string {
    return `${this.#run.prefix}m${index}`
  }

  #topic(index: number): string {
    return oddNames[index - 3] ?? `${this.#run.prefix}t${index}`
  }

  #plain(topic: string): string {
    return topic.replace(this.#run.prefix, '')
  }

  #group(index: number): string {
    return index === 2 ? '' : `${this.#run.prefix}g${index}`
  }

  #transaction(index: number): string {
    return `${this.#run.prefix}x${index}`
  }
}

const topicResource = 2
const ownedAs = { unsaid: null, nothing: [] }

/** After these a member begins again. */
function isEnd(errorCode: number): boolean {
  return ['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID'].includes(errorName(errorCode))
}

function said(epoch: number, step: HeartbeatStep): number {
  return { told: epoch, join: 0, leave: -1, away: -2, ahead: epoch + 3, behind: epoch - 1 }[step]
}
const oddNames = ['two words', '', 'x'.repeat(250)]

function offsetOf(index: number, offset: number) {
  return { index, offset, leaderEpoch: -1, metadata: `note ${offset}` }
}

function only<T>(list: readonly T[]): T {
  const [first] = list
  if (first === undefined) throw new Error('an answer without what was asked for')
  return first
}

async function settled(isSo: () => Promise<boolean>): Promise<void> {
  const untilMs = systemClock.monotonicMs() + settlePatienceMs
  while (!(await isSo())) {
    if (systemClock.monotonicMs() > untilMs) return
    await systemClock.sleep(settleMs)
  }
}
