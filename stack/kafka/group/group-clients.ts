// A coordinator on a disk in memory with a clock that tests move, and members that speak to it as clients do: what the
// tests of this folder share.

import { ManualClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { Journal } from '../journal/journal.ts'
import { MemoryFiles } from '../log/memory-files.ts'
import type { CoordinatorOptions } from './coordinator.ts'
import { GroupCoordinator } from './coordinator.ts'
import type { JoinAnswer, SyncAnswer } from './member.ts'
import type { JoinRequest } from './membership.ts'
import type { StoredOffset } from './stored-group.ts'

export const groupId = 'group'

export function openGroups(
  files = new MemoryFiles(),
  options: Partial<CoordinatorOptions> = {},
  clock = new ManualClock(1_000_000),
) {
  const journal = new Journal({
    dir: '/data/journal',
    files,
    logger: silentLogger,
    durability: 'fsync',
  })
  const topics = { list: () => [], byName: () => undefined, version: 0 }
  const groups = new GroupCoordinator({ clock, logger: silentLogger, journal, topics, ...options })
  journal.recover()
  groups.start()
  return { groups, clock, files, journal }
}

/** Everything that needs no clock and no client has happened. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

export interface Pending<T> {
  answer: T | undefined
  promise: Promise<T>
}

/** An answer that a test can look at before it is there. */
export function pending<T>(promise: Promise<T>): Pending<T> {
  const box: Pending<T> = { answer: undefined, promise }
  void promise.then((answer) => (box.answer = answer))
  return box
}

export interface ClientOptions {
  name?: string
  instanceId?: string | null
  topics?: string[]
  protocols?: string[]
  sessionTimeoutMs?: number
  rebalanceTimeoutMs?: number
  requiresKnownId?: boolean
  canSkipAssignment?: boolean
}

/** A consumer: keeps the id, the generation and the assignment that it was told. */
export class GroupClient {
  memberId = ''
  generationId = -1
  assignment = ''
  topics: string[]
  protocols: string[]
  readonly #options: ClientOptions
  readonly #groups: () => GroupCoordinator

  constructor(groups: GroupCoordinator | (() => GroupCoordinator), options: ClientOptions = {}) {
    this.#groups = typeof groups === 'function' ? groups : () => groups
    this.#options = options
    this.topics = options.topics ?? ['t']
    this.protocols = options.protocols ?? ['range']
  }

  async join(changes: Partial<JoinRequest> = {}): Promise<JoinAnswer> {
    const answer = await this.#groups().join({
      groupId,
      sessionTimeoutMs: this.#options.sessionTimeoutMs ?? 10_000,
      rebalanceTimeoutMs: this.#options.rebalanceTimeoutMs ?? 60_000,
      memberId: this.memberId,
      groupInstanceId: this.#options.instanceId ?? null,
      protocolType: 'consumer',
      protocols: this.protocols.map((name) => ({ name, metadata: subscription(this.topics) })),
      clientId: this.#options.name ?? 'client',
      clientHost: '/127.0.0.1',
      requiresKnownId: this.#options.requiresKnownId ?? false,
      canSkipAssignment: this.#options.canSkipAssignment ?? false,
      ...changes,
    })
    if (answer.memberId !== '') this.memberId = answer.memberId
    if (answer.errorCode === 0) this.generationId = answer.generationId
    return answer
  }

  async sync(shares: Record<string, string> = {}): Promise<SyncAnswer> {
    const answer = await this.#groups().sync({
      ...this.ref(),
      protocolType: null,
      protocolName: null,
      assignments: Object.entries(shares).map(([memberId, share]) => ({
        memberId,
        assignment: Buffer.from(share),
      })),
    })
    if (answer.errorCode === 0) this.assignment = answer.assignment.toString()
    return answer
  }

  heartbeat(): number {
    return this.#groups().heartbeat(this.ref())
  }

  leave(): number | undefined {
    const { memberId } = this
    const groupInstanceId = this.#options.instanceId ?? null
    return this.#groups().leave(groupId, [{ memberId, groupInstanceId }])[0]
  }

  async commit(offset: number, partition = 0, metadata: string | null = null): Promise<number> {
    const stored: StoredOffset = {
      topic: 't',
      partition,
      offset,
      leaderEpoch: 3,
      metadata,
      committedMs: 0,
    }
    const codes = await this.#groups().commitOffsets(this.ref(), [stored])
    return codes.get(stored) as number
  }

  ref() {
    const groupInstanceId = this.#options.instanceId ?? null
    const { memberId, generationId } = this
    return { groupId, memberId, generationId, groupInstanceId }
  }
}

/** ConsumerProtocolSubscription, version 0. */
export function subscription(topics: readonly string[]): Buffer {
  const parts = topics.map((topic) => {
    const name = Buffer.from(topic)
    const length = Buffer.alloc(2)
    length.writeInt16BE(name.length)
    return Buffer.concat([length, name])
  })
  const head = Buffer.alloc(6)
  head.writeInt32BE(topics.length, 2)
  return Buffer.concat([head, ...parts, Buffer.from([0xff, 0xff, 0xff, 0xff])])
}

/** One after the other joins, those who are there join again, all sync: a stable group, the first one leads. */
export async function gather(...clients: GroupClient[]): Promise<JoinAnswer[]> {
  let answers: JoinAnswer[] = []
  for (const [i, newcomer] of clients.entries()) {
    const joining = newcomer.join()
    const others = await Promise.all(clients.slice(0, i).map((client) => client.join()))
    answers = [...others, await joining]
    await shareOut(clients.slice(0, i + 1), answers)
  }
  return answers
}

/** The leader gives each member a share that names it; all fetch theirs. */
export async function shareOut(
  clients: readonly GroupClient[],
  answers: readonly JoinAnswer[],
): Promise<SyncAnswer[]> {
  const leader = answers.find(({ leader, memberId }) => leader === memberId)
  const shares = Object.fromEntries(
    (leader?.members ?? []).map(({ memberId }) => [memberId, `share of ${memberId}`]),
  )
  return Promise.all(
    clients.map((client) => client.sync(client.memberId === leader?.memberId ? shares : {})),
  )
}
