// A consumer group whose members are assigned by the broker (KIP-848). Three epochs follow one another: the group's is
// raised when its members, what they read or the topics change; the assignment's says for which of them the targets
// were made; each member's says how far it has come. Every step here is synchronous and needs no clock.

import type { Topic } from '../topics/topic.ts'
import { assignors, isAssignor } from './assignors.ts'
import type { AssignorName, TopicSizes } from './assignors.ts'
import { isReconciled, isSameMember, readsTheSame, reconcile } from './member.ts'
import type { ConsumerMember, Target } from './member.ts'
import type { PartitionKey, PartitionSet } from './partition-set.ts'
import { isSame, noPartitions } from './partition-set.ts'
import { sizesOf, topicIdsOf } from './subscription.ts'

type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** A heartbeat as its group takes it. */
export interface Spoken {
  /** The member until now; a newcomer that has nothing. */
  before: ConsumerMember
  /** The static member whose place it takes. */
  replaces: ConsumerMember | undefined
  said: ConsumerMember
  /** What it says to have; undefined where it does not say. */
  owned: PartitionSet | undefined
  topics: TopicsView
}

export interface TopicsView {
  list(): readonly Topic[]
  byName(name: string): Topic | undefined
  /** Another one whenever there are other topics or partitions. */
  readonly version: number
}

const defaultAssignor: AssignorName = 'uniform'

export class ConsumerGroup {
  readonly id: string
  epoch = 1
  assignmentEpoch = 0
  readonly members = new Map<string, ConsumerMember>()
  /** By member, what the assignment of `assignmentEpoch` meant for it. */
  readonly targets = new Map<string, PartitionSet>()
  /** The topics of the group as it last saw them. */
  sizes: TopicSizes = new Map()
  /** The version of the catalog when it looked. */
  #sawCatalog = -1

  constructor(id: string) {
    this.id = id
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return 'Empty'
    if (this.epoch > this.assignmentEpoch) return 'Assigning'
    const members = [...this.members.values()]
    return members.every((each) => isReconciled(each, this.targetOf(each)))
      ? 'Stable'
      : 'Reconciling'
  }

  byInstance(instanceId: string): ConsumerMember | undefined {
    for (const member of this.members.values()) if (member.instanceId === instanceId) return member
    return undefined
  }

  targetOf({ id }: ConsumerMember): Target {
    return { partitions: this.targets.get(id) ?? noPartitions, epoch: this.assignmentEpoch }
  }

  /** Which members wish for most; static members that are away count as they did. */
  get assignor(): AssignorName {
    const votes = new Map<AssignorName, number>()
    for (const { assignor } of this.members.values())
      if (assignor !== null && isAssignor(assignor))
        votes.set(assignor, (votes.get(assignor) ?? 0) + 1)
    const [winner] = [...votes].sort(([, a], [, b]) => b - a)
    return winner?.[0] ?? defaultAssignor
  }

  /** A member spoke. The epoch follows from what changed, targets from the epoch, what the member has from its target. */
  step({ before, replaces, said, owned, topics }: Spoken): {
    member: ConsumerMember
    changed: string[]
  } {
    if (replaces) this.#replace(replaces, before)
    const epochBefore = this.epoch
    const readsAnew = this.#put(said, before)
    if (this.#look(topics) || readsAnew) this.epoch++
    const retargeted = this.epoch > this.assignmentEpoch ? this.#assign(topics) : []
    const member = this.#reconcile(said, owned)
    this.members.set(member.id, member)
    const isChanged =
      this.epoch !== epochBefore || retargeted.length > 0 || !isSameMember(before, member)
    const others = [...retargeted, ...(replaces ? [replaces] : [])].map(({ id }) => id)
    return { member, changed: isChanged ? [member.id, ...others] : [] }
  }

  #reconcile(member: ConsumerMember, owned: PartitionSet | undefined): ConsumerMember {
    const target = this.targetOf(member)
    if (isReconciled(member, target)) return member
    const held = this.#heldByOthers(member)
    return reconcile(member, { target, owned, isFree: (key) => !held.has(key) })
  }

  /** Puts the member in, as it is now instead of `before`; whether it reads something else. */
  #put(member: ConsumerMember, before: ConsumerMember): boolean {
    this.members.set(member.id, member)
    if (readsTheSame(before, member)) return false
    this.#sawCatalog = -1
    return true
  }

  /** The member is gone; what it had is for the others at their next heartbeats. */
  remove({ id }: ConsumerMember, topics: TopicsView): void {
    this.members.delete(id)
    this.targets.delete(id)
    this.#sawCatalog = -1
    this.#look(topics)
    this.epoch++
  }

  /** A static member that came back under another id has what it had. */
  #replace(old: ConsumerMember, member: ConsumerMember): void {
    const target = this.targets.get(old.id)
    this.members.delete(old.id)
    this.targets.delete(old.id)
    this.members.set(member.id, member)
    if (target) this.targets.set(member.id, target)
  }

  /** Looks at the topics if they may be others than before; whether they are. */
  #look(catalog: TopicsView): boolean {
    if (this.#sawCatalog === catalog.version) return false
    this.#sawCatalog = catalog.version
    const topics = catalog.list()
    const sizes = sizesOf(this.#readIds(topics), topics)
    if (sameSizes(sizes, this.sizes)) return false
    this.sizes = sizes
    return true
  }

  /** Makes targets for the group's epoch; answers whose are others now. */
  #assign(catalog: TopicsView): ConsumerMember[] {
    const topics = catalog.list()
    const members = [...this.members.values()]
    const targets = assignors[this.assignor](
      members.map((member) => ({
        id: member.id,
        instanceId: member.instanceId,
        topicIds: topicIdsOf(member, topics),
        target: this.targetOf(member).partitions,
      })),
      this.sizes,
    )
    const changed = members.filter(
      (each) => !isSame(targets.get(each.id) ?? noPartitions, this.targetOf(each).partitions),
    )
    for (const [id, target] of targets) this.targets.set(id, target)
    this.assignmentEpoch = this.epoch
    return changed
  }

  /** What the others have or have not let go of. */
  #heldByOthers({ id: ownId }: ConsumerMember): Set<PartitionKey> {
    const held = new Set<PartitionKey>()
    for (const { id, assigned, revoking } of this.members.values()) {
      if (id === ownId) continue
      for (const key of assigned) held.add(key)
      for (const key of revoking) held.add(key)
    }
    return held
  }

  /** Names of the topics that somebody reads. */
  reads(catalog: TopicsView): Set<string> {
    const topics = catalog.list()
    const ids = this.#readIds(topics)
    return new Set(topics.filter(({ id }) => ids.has(id)).map(({ name }) => name))
  }

  #readIds(topics: readonly Topic[]): Set<string> {
    return new Set([...this.members.values()].flatMap((each) => [...topicIdsOf(each, topics)]))
  }
}

function sameSizes(a: TopicSizes, b: TopicSizes): boolean {
  return a.size === b.size && [...a].every(([topicId, size]) => b.get(topicId) === size)
}
