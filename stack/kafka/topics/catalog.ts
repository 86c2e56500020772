// The topics: by name and by id, each with its settings and the logs of its partitions. What exists and how it is set
// is in the journal; a change is made there first and holds when it is durable. Folders are named by topic id, so that
// a topic deleted and created again, or names that differ in case only, never meet on disk.

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf } from '../../base/errors.ts'
import { invariant } from '../../base/invariant.ts'
import type { Logger } from '../../base/logger.ts'
import { minuteMs } from '../../base/units.ts'
import type { Journal, JournalEntry } from '../journal/journal.ts'
import type { FileLayer } from '../log/file-layer.ts'
import { PartitionLog } from '../log/partition-log.ts'
import type { LogShared } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { applyConfigChanges, configsOf } from './config-changes.ts'
import type { ConfigChange, ConfigSetting } from './config-changes.ts'
import { settingsOf } from './topic-configs.ts'
import type { ConfigValues, TopicSettings } from './topic-configs.ts'
import { collidingName, topicNameFault } from './topic-names.ts'

export interface Topic {
  readonly id: string
  readonly name: string
  readonly partitions: readonly PartitionLog[]
  /** What was set for this topic; the rest are defaults. */
  readonly configs: ConfigValues
  readonly settings: TopicSettings
}

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

export interface Created extends Outcome {
  /** Of the topic that is there now, or would be with validateOnly. */
  topic?: { id: string; partitionCount: number; configs: ConfigValues }
}

export interface CatalogOptions {
  /** Holds a folder per topic id. */
  logsDir: string
  nodeId: number
  journal: Journal
  shared: LogShared
  logger: Logger
  clock: Clock
  defaultPartitions: number
  /** False refuses a replication factor above 1, as Kafka does with one node. */
  clampReplication: boolean
  /** Values below every topic's own: the broker's settings by the topic's name for them. */
  brokerConfigs: ConfigValues
  retentionCheckMs?: number
}

interface TopicEntry extends JournalEntry {
  kind: 'topic'
  id: string
  name: string
  partitions: number
  configs: Record<string, string>
}

interface TopicDeletedEntry extends JournalEntry {
  kind: 'topic-deleted'
  id: string
}

/** What a new topic will be, once its request was found right. */
interface CheckedTopic {
  name: string
  partitionCount: number
  configs: ConfigValues
}

class LiveTopic implements Topic {
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

export const partitionsMax = 10_000
export const zeroId = '00000000-0000-0000-0000-000000000000'
const done: Outcome = { errorCode: errorCodes.NONE, errorMessage: null }

export class TopicCatalog {
  readonly #options: CatalogOptions
  readonly #files: FileLayer
  #byId = new Map<string, LiveTopic>()
  #byName = new Map<string, LiveTopic>()
  /** Deleted, folder still there. */
  #doomed = new Set<string>()
  /** Logs of partitions that are on disk already and wait for their entry to be durable. */
  #prepared = new Map<string, PartitionLog[]>()
  #isOpen = false
  /** The last change asked for: changes are made one after another, each on what the one before left. */
  #lastChange: Promise<unknown> = Promise.resolve()
  #deletedListeners = new Set<(topic: Topic) => void>()
  #retention: Timer | undefined

  constructor(options: CatalogOptions) {
    this.#options = options
    this.#files = options.shared.files
    options.journal.own<TopicEntry | TopicDeletedEntry>({
      kinds: ['topic', 'topic-deleted'],
      apply: (entry) => (entry.kind === 'topic' ? this.#put(entry) : this.#drop(entry.id)),
      dump: () => this.#dump(),
    })
  }

  /** After the journal's recovery: opens the logs of all partitions, ends deletions that a crash cut short. */
  open(): void {
    for (const id of this.#doomed) this.#removeFolder(id)
    for (const topic of this.#byId.values()) {
      for (let i = 0; i < topic.partitionCount; i++) topic.partitions.push(this.#openLog(topic, i))
    }
    this.#isOpen = true
    const { clock, retentionCheckMs = 5 * minuteMs } = this.#options
    this.#retention = clock.every(retentionCheckMs, () => void this.applyRetention())
  }

  byName(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  byId(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  /** All topics, by name. */
  list(): Topic[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get brokerConfigs(): ConfigValues {
    return this.#options.brokerConfigs
  }

  /** Answers once the topic is durable. */
  create(wanted: NewTopic, validateOnly = false): Promise<Created> {
    return this.#inTurn(async () => {
      const checked = this.#checkNew(wanted)
      if ('errorCode' in checked) return checked
      const topic = { ...checked, id: validateOnly ? zeroId : randomUUID() }
      const outcome = validateOnly ? done : await this.#create(topic)
      return outcome.errorCode === errorCodes.NONE ? { ...outcome, topic } : outcome
    })
  }

  /** For auto-creation: the topic is there already, or is created with defaults. */
  async ensure(name: string): Promise<Outcome> {
    if (this.#byName.has(name)) return done
    const created = await this.create({
      name,
      partitionCount: -1,
      replicationFactor: -1,
      assignments: [],
      configs: [],
    })
    return this.#byName.has(name) ? done : created
  }

  /** Answers once the deletion is durable; the files go behind it. */
  delete(name: string): Promise<Outcome> {
    return this.#inTurn(async () => {
      const topic = this.#byName.get(name)
      return topic ? this.#store({ kind: 'topic-deleted', id: topic.id }) : unknownTopic
    })
  }

  /** A partition count only grows. */
  createPartitions(name: string, count: number, validateOnly = false): Promise<Outcome> {
    return this.#inTurn(async () => {
      const topic = this.#byName.get(name)
      if (!topic) return unknownTopic
      const fault = partitionCountFault(topic.partitionCount, count)
      if (fault !== undefined)
        return { errorCode: errorCodes.INVALID_PARTITIONS, errorMessage: fault }
      if (validateOnly) return done
      return this.#grow(topic, topic.partitionCount, { ...topic.entry(), partitions: count })
    })
  }

  /** AlterConfigs: what is not in the list goes back to its default. */
  replaceConfigs(
    name: string,
    settings: readonly ConfigSetting[],
    validateOnly = false,
  ): Promise<Outcome> {
    return this.#setConfigs(name, validateOnly, () => configsOf(settings))
  }

  /** IncrementalAlterConfigs: set, delete, append, subtract. */
  changeConfigs(
    name: string,
    changes: readonly ConfigChange[],
    validateOnly = false,
  ): Promise<Outcome> {
    return this.#setConfigs(name, validateOnly, ({ configs }) =>
      applyConfigChanges(configs, changes, this.#options.brokerConfigs),
    )
  }

  /** Called with each topic that is gone. Returns how to stop. */
  onDeleted(listener: (topic: Topic) => void): () => void {
    this.#deletedListeners.add(listener)
    return () => this.#deletedListeners.delete(listener)
  }

  async applyRetention(): Promise<void> {
    const nowMs = this.#options.clock.now()
    for (const topic of this.#byId.values()) {
      for (const log of topic.partitions) await this.#retain(log, nowMs)
    }
  }

  /** True when every log was saved, so that the next start may trust what is on disk. */
  async close(): Promise<boolean> {
    this.#retention?.cancel()
    await this.#lastChange
    const logs = [...this.#byId.values()].flatMap((topic) => topic.partitions)
    const saved = await Promise.all(logs.map((log) => log.close()))
    return saved.every((isSaved) => isSaved)
  }

  #checkNew(wanted: NewTopic): Outcome | CheckedTopic {
    const { name } = wanted
    const refuse = (errorCode: number, errorMessage: string) => ({ errorCode, errorMessage })
    const nameFault = topicNameFault(name)
    if (nameFault !== undefined) return refuse(errorCodes.INVALID_TOPIC_EXCEPTION, nameFault)
    if (this.#byName.has(name))
      return refuse(errorCodes.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
    const other = collidingName(name, this.#byName.keys())
    if (other !== undefined) {
      return refuse(
        errorCodes.INVALID_TOPIC_EXCEPTION,
        `Topic '${name}' collides with existing topics: ${other}`,
      )
    }
    const placed = this.#checkPlacement(wanted)
    if ('errorCode' in placed) return placed
    const configs = configsOf(wanted.configs)
    return 'errorCode' in configs ? configs : { name, ...placed, configs }
  }

  #checkPlacement(wanted: NewTopic): Outcome | { partitionCount: number } {
    const { partitionCount, replicationFactor, assignments } = wanted
    if (assignments.length > 0) return this.#checkAssignments(wanted)
    if (partitionCount === 0 || partitionCount < -1 || partitionCount > partitionsMax) {
      return {
        errorCode: errorCodes.INVALID_PARTITIONS,
        errorMessage: `Number of partitions must be between 1 and ${partitionsMax}, or -1 for the default.`,
      }
    }
    if (replicationFactor > 1 && this.#options.clampReplication) {
      this.#options.logger.warn('the replication factor was clamped to 1: this is one node', {
        topic: wanted.name,
        wanted: replicationFactor,
      })
    } else if (replicationFactor !== 1 && replicationFactor !== -1) {
      return {
        errorCode: errorCodes.INVALID_REPLICATION_FACTOR,
        errorMessage: `Unable to replicate the partition ${replicationFactor} time(s): there is 1 broker.`,
      }
    }
    return {
      partitionCount: partitionCount === -1 ? this.#options.defaultPartitions : partitionCount,
    }
  }

  #checkAssignments({ partitionCount, replicationFactor, assignments }: NewTopic):
    | Outcome
    | {
        partitionCount: number
      } {
    if (partitionCount !== -1 || replicationFactor !== -1) {
      return {
        errorCode: errorCodes.INVALID_REQUEST,
        errorMessage: 'Partition count and replication factor must be -1 beside an assignment.',
      }
    }
    const indexes = new Set(assignments.map(({ index }) => index))
    const isComplete = assignments.every((_, i) => indexes.has(i))
    const isHere = assignments.every(
      ({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === this.#options.nodeId,
    )
    if (!isComplete || indexes.size !== assignments.length || !isHere) {
      return {
        errorCode: errorCodes.INVALID_REPLICA_ASSIGNMENT,
        errorMessage: `Partitions must be numbered from 0 and lie on node ${this.#options.nodeId}.`,
      }
    }
    return { partitionCount: assignments.length }
  }

  #create(wanted: CheckedTopic & { id: string }): Promise<Outcome> {
    const entry: TopicEntry = {
      kind: 'topic',
      id: wanted.id,
      name: wanted.name,
      partitions: wanted.partitionCount,
      configs: Object.fromEntries(wanted.configs),
    }
    return this.#grow(new LiveTopic(entry, this.#options.brokerConfigs), 0, entry)
  }

  /** Folders and files first, synced: a partition that is durable has somewhere to write. */
  async #grow(topic: LiveTopic, from: number, entry: TopicEntry): Promise<Outcome> {
    const { logsDir } = this.#options
    const logs: PartitionLog[] = []
    try {
      for (let i = from; i < entry.partitions; i++) logs.push(this.#openLog(topic, i))
      this.#files.syncDir(join(logsDir, topic.id))
      this.#files.syncDir(logsDir)
      this.#prepared.set(topic.id, logs)
      await this.#options.journal.append(entry)
      return done
    } catch (error) {
      this.#prepared.delete(topic.id)
      for (const log of logs) await log.close()
      return storageError(error)
    }
  }

  #openLog(topic: LiveTopic, index: number): PartitionLog {
    return new PartitionLog(
      `${topic.name}-${index}`,
      join(this.#options.logsDir, topic.id, String(index)),
      this.#options.shared,
      // Settings are the live topic's, also where the log was opened before its entry was durable.
      () => (this.#byId.get(topic.id) ?? topic).settings,
    )
  }

  #setConfigs(
    name: string,
    validateOnly: boolean,
    change: (topic: LiveTopic) => ReturnType<typeof configsOf>,
  ): Promise<Outcome> {
    return this.#inTurn(async () => {
      const topic = this.#byName.get(name)
      if (!topic) return unknownTopic
      const configs = change(topic)
      if ('errorCode' in configs) return configs
      if (validateOnly) return done
      return this.#store({ ...topic.entry(), configs: Object.fromEntries(configs) })
    })
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(change)
    this.#lastChange = turn.catch(() => {})
    return turn
  }

  async #store(entry: TopicEntry | TopicDeletedEntry): Promise<Outcome> {
    try {
      await this.#options.journal.append(entry)
      return done
    } catch (error) {
      return storageError(error)
    }
  }

  #put(entry: TopicEntry): void {
    const before = this.#byId.get(entry.id)
    const topic = before ?? new LiveTopic(entry, this.#options.brokerConfigs)
    topic.partitionCount = Math.max(topic.partitionCount, entry.partitions)
    topic.configs = new Map(Object.entries(entry.configs))
    topic.settings = settingsOf(topic.configs, this.#options.brokerConfigs)
    this.#byId.set(entry.id, topic)
    this.#byName.set(entry.name, topic)
    if (!this.#isOpen) return
    topic.partitions.push(...(this.#prepared.get(entry.id) ?? []))
    this.#prepared.delete(entry.id)
    invariant(topic.partitions.length === topic.partitionCount, `all logs of ${topic.name}`)
  }

  #drop(id: string): void {
    const topic = this.#byId.get(id)
    this.#doomed.add(id)
    if (!topic) return
    this.#byId.delete(id)
    if (this.#byName.get(topic.name) === topic) this.#byName.delete(topic.name)
    if (!this.#isOpen) return
    for (const listener of this.#deletedListeners) listener(topic)
    void this.#deleteLogs(topic)
  }

  async #deleteLogs(topic: LiveTopic): Promise<void> {
    await Promise.allSettled(topic.partitions.map((log) => log.delete()))
    this.#removeFolder(topic.id)
  }

  /** What cannot be removed now is removed at the next start. */
  #removeFolder(id: string): void {
    try {
      this.#files.remove(join(this.#options.logsDir, id))
      this.#doomed.delete(id)
    } catch (error) {
      this.#options.logger.warn('the folder of a deleted topic could not be removed', {
        topicId: id,
        why: messageOf(error),
      })
    }
  }

  async #retain(log: PartitionLog, nowMs: number): Promise<void> {
    try {
      await log.applyRetention(nowMs)
    } catch (error) {
      this.#options.logger.warn('retention failed and will be tried again', {
        partition: log.name,
        why: messageOf(error),
      })
    }
  }

  *#dump(): Generator<TopicEntry | TopicDeletedEntry> {
    for (const topic of this.#byId.values()) yield topic.entry()
    for (const id of this.#doomed) yield { kind: 'topic-deleted', id }
  }
}

const unknownTopic: Outcome = {
  errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorMessage: 'This server does not host this topic-partition.',
}

function partitionCountFault(before: number, count: number): string | undefined {
  if (count > partitionsMax) return `A topic may have at most ${partitionsMax} partitions.`
  if (count > before) return undefined
  return count === before
    ? `Topic already has ${before} partition(s).`
    : `The topic currently has ${before} partition(s); ${count} would not be an increase.`
}

function storageError(error: unknown): Outcome {
  return { errorCode: errorCodes.KAFKA_STORAGE_ERROR, errorMessage: messageOf(error) }
}
