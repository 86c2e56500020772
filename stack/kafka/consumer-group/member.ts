// A member of a consumer group (KIP-848), and its way from the partitions that it has to those that are meant for it.
// Members are values: each step makes a new one.
//
// A partition is never given to two. Who has one too many is told so and stays in its epoch until it says that it let
// go; only then others may have it, each at a heartbeat of its own.

import type { PartitionKey, PartitionSet } from './partition-set.ts'
import { isSame, noPartitions } from './partition-set.ts'

export interface ConsumerMember {
  readonly id: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  readonly topicNames: readonly string[]
  /** A regular expression of RE2; the empty one, with which a client gives its own up, is null. */
  readonly topicRegex: string | null
  /** The assignor that it would like. */
  readonly assignor: string | null
  readonly epoch: number
  /** Whoever lost the answer that told the epoch says this one still. */
  readonly previousEpoch: number
  readonly assigned: PartitionSet
  /** The epoch in which it got each of them: what it read of it since, it may commit in any epoch from there on. */
  readonly assignedIn: ReadonlyMap<PartitionKey, number>
  /** What it had and has not yet said to be without. */
  readonly revoking: PartitionSet
}

/** Epochs that a member says instead of the one it was told. */
export const joining = 0
export const leaving = -1
/** Of a static member that will be back. */
export const away = -2

export interface Target {
  partitions: PartitionSet
  epoch: number
}

export interface Situation {
  target: Target
  /** What the member says to have; undefined where the heartbeat does not say. */
  owned: PartitionSet | undefined
  /** Whether nobody else has it. */
  isFree(partition: PartitionKey): boolean
}

/** One step towards the target. */
export function reconcile(
  member: ConsumerMember,
  { target, owned, isFree }: Situation,
): ConsumerMember {
  const has = (partitions: PartitionSet) => owned === undefined || !owned.isDisjointFrom(partitions)
  const wasRevoking = member.revoking.size > 0
  if (wasRevoking && has(member.revoking)) return member
  const kept = member.assigned.intersection(target.partitions)
  const revoking = member.assigned.difference(target.partitions)
  if (revoking.size > 0 && has(revoking)) {
    const epoch = wasRevoking ? member.epoch + 1 : member.epoch
    return inEpoch({ ...having(member, kept, epoch), revoking }, epoch)
  }
  const free = [...target.partitions.difference(kept)].filter(isFree)
  const assigned = kept.union(new Set(free))
  return inEpoch(
    { ...having(member, assigned, target.epoch), revoking: noPartitions },
    target.epoch,
  )
}

/** Whether the member may commit what it read of a partition, in an epoch that it was told. */
export function mayCommit(
  member: ConsumerMember,
  epoch: number,
  partition: PartitionKey | undefined,
): boolean {
  if (epoch === member.epoch) return true
  const sinceEpoch = partition === undefined ? undefined : member.assignedIn.get(partition)
  return sinceEpoch !== undefined && sinceEpoch <= epoch && epoch < member.epoch
}

function having(member: ConsumerMember, assigned: PartitionSet, epoch: number): ConsumerMember {
  const assignedIn = new Map([...assigned].map((key) => [key, member.assignedIn.get(key) ?? epoch]))
  return { ...member, assigned, assignedIn }
}

export function isReconciled(member: ConsumerMember, target: Target): boolean {
  return (
    member.epoch === target.epoch &&
    member.revoking.size === 0 &&
    isSame(member.assigned, target.partitions)
  )
}

export function readsTheSame(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    a.topicRegex === b.topicRegex &&
    a.topicNames.length === b.topicNames.length &&
    a.topicNames.every((name, i) => name === b.topicNames[i])
  )
}

/** Whether a step left the member as it was. */
export function isSameMember(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    plainFields.every((field) => a[field] === b[field]) &&
    readsTheSame(a, b) &&
    isSame(a.assigned, b.assigned) &&
    isSame(a.revoking, b.revoking)
  )
}

const plainFields = [
  'id',
  'instanceId',
  'rackId',
  'clientId',
  'clientHost',
  'rebalanceTimeoutMs',
  'assignor',
  'epoch',
  'previousEpoch',
] as const satisfies readonly (keyof ConsumerMember)[]

function inEpoch(member: ConsumerMember, epoch: number): ConsumerMember {
  return epoch === member.epoch ? member : { ...member, epoch, previousEpoch: member.epoch }
}
