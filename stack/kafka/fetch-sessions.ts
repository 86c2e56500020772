// Fetch sessions (KIP-227): the broker remembers what a client fetches, so that a request names only what changed and an
// answer only what is new.
//
//   id, epoch of the request   means
//   0, -1                      no session                    n, -1   ends session n, goes on without
//   any, 0                     a new session; n is ended     n, e    the next request of session n; e must be the next epoch
//
// There are so many slots. Clients leak sessions, so an idle one makes room; where none is idle a client gets its
// answer without a session. From version 13 on topics are known by their ids.

import { randomInt } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { minuteMs } from '../base/units.ts'
import { errorCodes } from './protocol/errors.ts'
import type { fetch } from './protocol/messages/data.ts'
import type { Infer } from './protocol/types.ts'
import { zeroUuid } from './protocol/types.ts'

type Request = Infer<typeof fetch.request>
type Topic = Request['topics'][number]
type Partition = Topic['partitions'][number]
type AnsweredTopic = Infer<typeof fetch.response>['responses'][number]
type AnsweredPartition = AnsweredTopic['partitions'][number]

const slots = 1000
const idleMs = 2 * minuteMs
const idMax = 2 ** 31 - 1

interface Remembered {
  topic: Pick<Topic, 'name' | 'topicId'>
  asked: Partition
  /** As last told; -1 where the client must be told again. */
  highWatermark: number
  logStartOffset: number
}

/** What a request comes to: everything that is fetched, and the session that it is part of. */
export interface Fetching {
  topics: Topic[]
  session: FetchSession | undefined
}

export class FetchSessions {
  readonly #clock: Clock
  /** Least recently used first. */
  readonly #sessions = new Map<number, FetchSession>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(request: Request): Fetching | { errorCode: number } {
    const { sessionId, sessionEpoch, topics } = request
    if (sessionEpoch > 0) return this.#goOn(request)
    this.#sessions.delete(sessionId)
    return { topics, session: sessionEpoch === 0 ? this.#create(topics) : undefined }
  }

  #create(topics: readonly Topic[]): FetchSession | undefined {
    const nowMs = this.#clock.monotonicMs()
    if (this.#sessions.size >= slots) {
      const [oldest] = this.#sessions.values()
      if (!oldest || nowMs - oldest.usedMs < idleMs) return undefined
      this.#sessions.delete(oldest.id)
    }
    const session = new FetchSession(this.#freshId(), nowMs)
    session.change(topics, [])
    this.#sessions.set(session.id, session)
    return session
  }

  /** Random: a client that missed a restart of the broker must not meet the session of another one. */
  #freshId(): number {
    let id = randomInt(1, idMax)
    while (this.#sessions.has(id)) id = randomInt(1, idMax)
    return id
  }

  #goOn({ sessionId, sessionEpoch, topics, forgottenTopics }: Request) {
    const session = this.#sessions.get(sessionId)
    if (!session) return { errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND }
    if (sessionEpoch !== session.nextEpoch)
      return { errorCode: errorCodes.INVALID_FETCH_SESSION_EPOCH }
    const named = [...topics, ...forgottenTopics]
    if (named.some(({ topicId }) => session.goesByIds !== (topicId !== zeroUuid)))
      return { errorCode: errorCodes.FETCH_SESSION_TOPIC_ID_ERROR }
    session.change(topics, forgottenTopics)
    session.use(this.#clock.monotonicMs())
    this.#sessions.delete(sessionId)
    if (session.isEmpty) return { topics: [], session: undefined }
    this.#sessions.set(sessionId, session)
    return { topics: session.topics(), session }
  }
}

export class FetchSession {
  readonly id: number
  usedMs: number
  nextEpoch = 1
  goesByIds: boolean | undefined
  #isNew = true
  /** In the order in which they are served. */
  readonly #partitions = new Map<string, Remembered>()

  constructor(id: number, nowMs: number) {
    this.id = id
    this.usedMs = nowMs
  }

  get isEmpty(): boolean {
    return this.#partitions.size === 0
  }

  use(nowMs: number): void {
    this.usedMs = nowMs
    this.#isNew = false
    this.nextEpoch = this.nextEpoch === idMax ? 1 : this.nextEpoch + 1
  }

  change(topics: readonly Topic[], forgotten: Request['forgottenTopics']): void {
    for (const { name, topicId, partitions } of topics) {
      const topic = { name, topicId }
      this.goesByIds ??= topicId !== zeroUuid
      for (const asked of partitions) {
        const key = keyOf(topic, asked.index)
        const { highWatermark = -1, logStartOffset = -1 } = this.#partitions.get(key) ?? {}
        this.#partitions.set(key, { topic, asked, highWatermark, logStartOffset })
      }
    }
    for (const topic of forgotten)
      for (const index of topic.partitions) this.#partitions.delete(keyOf(topic, index))
  }

  /** Everything that is fetched; neighbours of one topic together. */
  topics(): Topic[] {
    const topics: Topic[] = []
    for (const { topic, asked } of this.#partitions.values()) {
      const last = topics.at(-1)
      if (last && last.name === topic.name && last.topicId === topic.topicId)
        last.partitions.push(asked)
      else topics.push({ ...topic, partitions: [asked] })
    }
    return topics
  }

  /** What the client has to be told. Partitions that had records are served last the next time. */
  answered(responses: readonly AnsweredTopic[]): AnsweredTopic[] {
    return responses
      .map((topic) => ({
        ...topic,
        partitions: topic.partitions.filter((each) => this.#isNews(topic, each) || this.#isNew),
      }))
      .filter(({ partitions }) => partitions.length > 0)
  }

  #isNews(topic: AnsweredTopic, answer: AnsweredPartition): boolean {
    const key = keyOf(topic, answer.index)
    const before = this.#partitions.get(key)
    if (!before) return true
    const { highWatermark, logStartOffset } = answer
    const isFailed = answer.errorCode !== errorCodes.NONE || answer.divergingEpoch !== undefined
    const hasRecords = answer.records.length > 0
    if (hasRecords) this.#partitions.delete(key)
    this.#partitions.set(key, {
      ...before,
      // Once the error is gone, the client hears of that, too.
      highWatermark: isFailed ? -1 : highWatermark,
      logStartOffset,
    })
    return (
      isFailed ||
      hasRecords ||
      highWatermark !== before.highWatermark ||
      logStartOffset !== before.logStartOffset
    )
  }
}

function keyOf({ name, topicId }: Pick<Topic, 'name' | 'topicId'>, index: number): string {
  return `${topicId === zeroUuid ? name : topicId}-${index}`
}
