// The topics: by name and by id, each with its settings and the logs of its partitions. What exists and how it is set
// is in the journal; a change is made there first and holds when it is durable. Folders are named by topic id, so that
// a topic deleted and created again, or names that differ in case only, never meet on disk.

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf, OperatingError } from '../../base/errors.ts'
import { invariant } from '../../base/invariant.ts'
import { minuteMs, secondMs } from '../../base/units.ts'
import type { Journal } from '../journal/journal.ts'
import type { FileLayer } from '../log/file-layer.ts'
import { PartitionLog } from '../log/partition-log.ts'
import type { LogShared } from '../log/partition-log.ts'
import { errorCodes } from '../protocol/errors.ts'
import { zeroUuid } from '../protocol/types.ts'
import { applyConfigChanges, configsOf } from './config-changes.ts'
import type { ConfigChange, ConfigSetting } from './config-changes.ts'
import { checkNewTopic, partitionsMax } from './new-topic.ts'
import type { CheckedTopic, NewTopic, NewTopicRules, Outcome } from './new-topic.ts'
import { LiveTopic } from './topic.ts'
import type { Topic, TopicDeletedEntry, TopicEntry } from './topic.ts'
import type { ConfigValues } from './topic-configs.ts'
import { topicNameFault } from './topic-names.ts'

export type { Outcome } from './new-topic.ts'
export type { Topic } from './topic.ts'

export interface Created extends Outcome {
  /** Of the topic that is there now, or would be with validateOnly. */
  topic?: { id: string; partitionCount: number; configs: ConfigValues }
}

export interface CatalogOptions extends NewTopicRules {
  /** Holds a folder per topic id. */
  logsDir: string
  journal: Journal
  shared: LogShared
  clock: Clock
  /** Values below every topic's own: the broker's settings by the topic's name for them. */
  brokerConfigs: ConfigValues
  retentionCheckMs?: number
  compactionCheckMs?: number
}

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
  /** Another one after each change of what topics and partitions there are. */
  version = 0
  #deletedListeners = new Set<(topic: Topic) => void>()
  #timers: Timer[] = []
  /** The pass that is under way. */
  #compacting: Promise<void> | undefined
  readonly #stopping = new AbortController()

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
    const {
      clock,
      retentionCheckMs = 5 * minuteMs,
      compactionCheckMs = 15 * secondMs,
    } = this.#options
    this.#timers = [
      clock.every(retentionCheckMs, () => void this.applyRetention()),
      clock.every(compactionCheckMs, () => void this.compact()),
    ]
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

  /** Of every partition. */
  *logs(): Generator<{ topic: string; partition: number; log: PartitionLog }> {
    for (const { name, partitions } of this.#byId.values())
      for (const [partition, log] of partitions.entries()) yield { topic: name, partition, log }
  }

  get brokerConfigs(): ConfigValues {
    return this.#options.brokerConfigs
  }

  /** Answers once the topic is durable. */
  create(wanted: NewTopic, validateOnly = false): Promise<Created> {
    return this.#inTurn(async () => {
      const checked = checkNewTopic(wanted, this.#byName, this.#options)
      if ('errorCode' in checked) return checked
      const topic = { ...checked, id: validateOnly ? zeroUuid : randomUUID() }
      const outcome = validateOnly ? done : await this.#create(topic)
      return outcome.errorCode === errorCodes.NONE ? { ...outcome, topic } : outcome
    })
  }

  /** For auto-creation: the topic is there already, or is created with defaults. */
  async ensure(name: string, partitionCount = -1): Promise<Outcome> {
    if (this.#byName.has(name)) return done
    const created = await this.create({
      name,
      partitionCount,
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
    return this.#setConfigs(name, validateOnly, (before) =>
      applyConfigChanges(before, changes, this.#options.brokerConfigs),
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

  /** One partition after another. */
  compact(): Promise<void> {
    this.#compacting ??= this.#compactAll().finally(() => (this.#compacting = undefined))
    return this.#compacting
  }

  /** True when every log was saved, so that the next start may trust what is on disk. */
  async close(): Promise<boolean> {
    for (const timer of this.#timers) timer.cancel()
    this.#stopping.abort()
    await this.#compacting
    await this.#lastChange
    const logs = [...this.#byId.values()].flatMap((topic) => topic.partitions)
    const saved = await Promise.all(logs.map((log) => log.close()))
    return saved.every((isSaved) => isSaved)
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
      if (logs.some((log) => log.isOffline))
        throw new OperatingError('a partition could not be created')
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

  /** As in Kafka, what is wrong with the settings is found before whether there is such a topic. */
  #setConfigs(
    name: string,
    validateOnly: boolean,
    change: (before: ConfigValues) => ReturnType<typeof configsOf>,
  ): Promise<Outcome> {
    return this.#inTurn(async () => {
      if (name === '') {
        const fault = 'settings for all topics at once are not supported'
        return { errorCode: errorCodes.INVALID_REQUEST, errorMessage: fault }
      }
      const nameFault = topicNameFault(name)
      if (nameFault !== undefined) {
        return { errorCode: errorCodes.INVALID_TOPIC_EXCEPTION, errorMessage: nameFault }
      }
      const topic = this.#byName.get(name)
      const configs = change(topic?.configs ?? new Map())
      if ('errorCode' in configs) return configs
      if (!topic) return unknownTopic
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
    this.version++
    const { brokerConfigs } = this.#options
    const topic = this.#byId.get(entry.id) ?? new LiveTopic(entry, brokerConfigs)
    topic.change(entry, brokerConfigs)
    this.#byId.set(entry.id, topic)
    this.#byName.set(entry.name, topic)
    if (!this.#isOpen) return
    topic.partitions.push(...(this.#prepared.get(entry.id) ?? []))
    this.#prepared.delete(entry.id)
    invariant(topic.partitions.length === topic.partitionCount, `all logs of ${topic.name}`)
  }

  #drop(id: string): void {
    this.version++
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

  async #compactAll(): Promise<void> {
    const { clock } = this.#options
    for (const { log } of this.logs())
      await this.#tryOn(log, 'compaction', () => log.compact(clock.now(), this.#stopping.signal))
  }

  #retain(log: PartitionLog, nowMs: number): Promise<void> {
    return this.#tryOn(log, 'retention', () => log.applyRetention(nowMs))
  }

  async #tryOn(log: PartitionLog, what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (log.isOffline || this.#stopping.signal.aborted) return
      this.#options.logger.warn(`${what} failed and will be tried again`, {
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
