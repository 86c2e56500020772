// How a group moves from one generation to the next. Every transition is synchronous; what a member waits for is a
// parked answer in its `join` or `sync`. There is one timer for the group's round and one per member, re-armed lazily.
//
// A round begins when a member joins, leaves, expires or changes its subscription. It ends when all have rejoined or
// the largest rebalance timeout passes; dynamic members that did not come are dropped then, static ones stay. The
// leader's assignment is durable before anybody gets it.

import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { errorCodes } from '../protocol/errors.ts'
import {
  joinAnswer,
  refusedJoin,
  refusedSync,
  settleJoin,
  settleSync,
  syncAnswer,
} from './answers.ts'
import type { Group } from './group.ts'
import type { JoinAnswer, Member, SyncAnswer } from './member.ts'
import { noBytes } from './member.ts'
import type { GroupEntry } from './stored-group.ts'
import { storeGroup } from './stored-group.ts'

export interface RebalanceOptions {
  clock: Clock
  logger: Logger
  /** Resolves when the entry is durable. */
  persist(entry: GroupEntry): Promise<void>
  /** The first join of an empty group waits this long for others. */
  initialRebalanceDelayMs: number
}

export class Rebalance {
  readonly #options: RebalanceOptions

  constructor(options: RebalanceOptions) {
    this.#options = options
  }

  /** The member waits for the end of the round, which begins if none is under way. */
  park(group: Group, member: Member): Promise<JoinAnswer> {
    return new Promise((resolve) => {
      // A second join of one member, after a lost connection, takes the place of the first.
      settleJoin(member, refusedJoin(errorCodes.REBALANCE_IN_PROGRESS, member.id))
      member.join = resolve
      if (group.state === 'PreparingRebalance') this.tryEndRound(group)
      else this.#beginRound(group)
    })
  }

  awaitAssignment(group: Group, member: Member): Promise<SyncAnswer> {
    return new Promise((resolve) => {
      settleSync(member, refusedSync(errorCodes.REBALANCE_IN_PROGRESS))
      member.sync = resolve
      group.unsynced.delete(member.id)
    })
  }

  /** The leader has spoken: the generation is stored, then everybody who waits gets its share. */
  assign(group: Group, shares: readonly { memberId: string; assignment: Buffer }[]): void {
    const { generationId } = group
    if (group.storingGeneration === generationId) return
    group.storingGeneration = generationId
    const assignments = new Map(
      shares.map(({ memberId, assignment }) => [memberId, Buffer.from(assignment)]),
    )
    const isCurrent = () =>
      group.generationId === generationId && group.state === 'CompletingRebalance'
    const entry = storeGroup(group, this.#options.clock.now(), assignments)
    this.#options.persist(entry).then(
      () => {
        if (isCurrent()) this.#becomeStable(group, assignments)
      },
      () => {
        if (isCurrent()) this.#beginRound(group, errorCodes.NOT_COORDINATOR)
      },
    )
  }

  tryEndRound(group: Group): void {
    const isDue = group.state === 'PreparingRebalance' && !group.waitsForFirst
    if (isDue && group.allJoined) this.#endRound(group)
  }

  /** After a restart in the middle of a round: the members have as long as ever to come back. */
  resumeRound(group: Group): void {
    this.#endRoundAfter(group, group.rebalanceTimeoutMs)
  }

  remove(group: Group, members: readonly Member[], why: string): void {
    for (const member of members) {
      const fields = { group: group.id, member: member.id, why }
      this.#options.logger.debug('a member is gone', fields)
      this.#drop(group, member)
    }
    if (group.state === 'Stable' || group.state === 'CompletingRebalance') this.#beginRound(group)
    else this.tryEndRound(group)
  }

  touch(member: Member): void {
    member.aliveUntilMs = this.#options.clock.monotonicMs() + member.sessionTimeoutMs
  }

  /** One timer a member; it looks how long the member was silent and sleeps again if it was not. */
  watchSession(group: Group, member: Member): void {
    this.touch(member)
    const look = () => {
      if (group.members.get(member.id) !== member) return
      const leftMs = member.aliveUntilMs - this.#options.clock.monotonicMs()
      // A parked member is alive: it waits for us.
      if (leftMs <= 0 && !member.join && !member.sync)
        return this.remove(group, [member], 'its session expired')
      const againMs = leftMs > 0 ? leftMs : member.sessionTimeoutMs
      member.sessionTimer = this.#options.clock.after(againMs, look)
    }
    member.sessionTimer = this.#options.clock.after(member.sessionTimeoutMs, look)
  }

  /** For entries that nobody waits for; the journal itself says when it cannot write. */
  note(entry: GroupEntry): void {
    this.#options.persist(entry).catch(() => {})
  }

  #beginRound(group: Group, why: number = errorCodes.REBALANCE_IN_PROGRESS): void {
    for (const member of group.members.values()) settleSync(member, refusedSync(why))
    const wasEmpty = group.state === 'Empty'
    group.state = 'PreparingRebalance'
    group.unsynced.clear()
    this.note({ kind: 'group-rebalancing', id: group.id, generationId: group.generationId + 1 })
    const { initialRebalanceDelayMs } = this.#options
    if (wasEmpty && initialRebalanceDelayMs > 0) return this.#waitForFirst(group)
    this.#endRoundAfter(group, group.rebalanceTimeoutMs)
    this.tryEndRound(group)
  }

  /** Waits once more for each newcomer, at most as long as the members allow a rebalance to take. */
  #waitForFirst(group: Group): void {
    const { clock, initialRebalanceDelayMs } = this.#options
    const endMs = clock.monotonicMs() + group.rebalanceTimeoutMs
    group.waitsForFirst = true
    const wait = (membersBefore: number) => {
      const leftMs = endMs - clock.monotonicMs()
      if (membersBefore === group.members.size || leftMs <= 0) {
        group.waitsForFirst = false
        if (group.allJoined || leftMs <= 0) this.#endRound(group)
        else this.#endRoundAfter(group, leftMs)
        return
      }
      const members = group.members.size
      const delayMs = Math.min(initialRebalanceDelayMs, leftMs)
      group.roundTimer?.cancel()
      group.roundTimer = clock.after(delayMs, () => wait(members))
    }
    wait(0)
  }

  #endRoundAfter(group: Group, ms: number): void {
    group.roundTimer?.cancel()
    group.roundTimer = this.#options.clock.after(ms, () => this.#endRound(group))
  }

  #endRound(group: Group): void {
    group.roundTimer?.cancel()
    for (const member of group.members.values()) {
      if (!member.join && member.instanceId === null) this.#drop(group, member)
    }
    if (group.members.size === 0) return this.#becomeEmpty(group)
    if (!this.#electLeader(group)) {
      // Only static members are left and none has come: they get the same time again, until their sessions end.
      return this.#endRoundAfter(group, group.rebalanceTimeoutMs)
    }
    group.generationId++
    group.protocolName = group.chooseProtocol()
    group.state = 'CompletingRebalance'
    for (const member of group.members.values()) {
      group.unsynced.add(member.id)
      this.touch(member)
      settleJoin(member, joinAnswer(group, member))
    }
    const { generationId } = group
    group.roundTimer = this.#options.clock.after(group.rebalanceTimeoutMs, () =>
      this.#removeUnsynced(group, generationId),
    )
  }

  /** The leader must be somebody who hears of it. */
  #electLeader(group: Group): boolean {
    if (group.leaderId !== null && group.members.get(group.leaderId)?.join) return true
    const joined = [...group.members.values()].find((member) => member.join)
    if (joined) group.leaderId = joined.id
    return joined !== undefined
  }

  #removeUnsynced(group: Group, generationId: number): void {
    if (group.generationId !== generationId) return
    const silent = [...group.unsynced].flatMap((id) => group.members.get(id) ?? [])
    if (silent.length > 0) this.remove(group, silent, 'it did not sync')
  }

  #becomeStable(group: Group, assignments: ReadonlyMap<string, Buffer>): void {
    group.state = 'Stable'
    for (const member of group.members.values()) {
      member.assignment = assignments.get(member.id) ?? noBytes
      this.touch(member)
      settleSync(member, syncAnswer(group, member))
    }
  }

  #becomeEmpty(group: Group): void {
    group.generationId++
    group.state = 'Empty'
    group.leaderId = null
    group.protocolName = null
    this.note(storeGroup(group, this.#options.clock.now()))
  }

  #drop(group: Group, member: Member): void {
    member.sessionTimer?.cancel()
    settleJoin(member, refusedJoin(errorCodes.UNKNOWN_MEMBER_ID, member.id))
    settleSync(member, refusedSync(errorCodes.UNKNOWN_MEMBER_ID))
    group.members.delete(member.id)
    group.unsynced.delete(member.id)
  }
}
