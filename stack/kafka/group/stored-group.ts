// What the journal keeps of groups: each generation that became stable or empty, that a rebalance began, and each
// committed offset. Bytes are base64.
//
// A group whose rebalance had begun when the broker died may have told some members a generation that was never
// stored. Its entry names that generation, so that it is never given out a second time.

import type { ConsumerGroupEntry } from '../consumer-group/stored-consumer-group.ts'
import { Group } from './group.ts'
import type { Member } from './member.ts'
import type { CommittedOffset, TopicPartition } from './offsets.ts'

export interface StoredMember {
  id: string
  instanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: { name: string; metadata: string }[]
  assignment: string
}

export interface StoredGroup {
  kind: 'group'
  id: string
  generationId: number
  protocolType: string | null
  protocolName: string | null
  leaderId: string | null
  members: StoredMember[]
  /** When it got its members or lost the last one. */
  changedMs: number
  isRebalancing: boolean
}

export interface StoredOffset extends CommittedOffset, TopicPartition {}

export type GroupEntry =
  | StoredGroup
  | ConsumerGroupEntry
  | { kind: 'group-rebalancing'; id: string; generationId: number }
  | { kind: 'group-deleted'; id: string }
  | { kind: 'offsets'; id: string; offsets: readonly StoredOffset[] }
  | { kind: 'offsets-deleted'; id: string; partitions: readonly TopicPartition[] }

export const groupEntryKinds = [
  'group',
  'group-rebalancing',
  'consumer-group',
  'group-deleted',
  'offsets',
  'offsets-deleted',
] as const

export function storeGroup(
  group: Group,
  changedMs: number,
  assignments?: ReadonlyMap<string, Buffer>,
): StoredGroup {
  return {
    kind: 'group',
    id: group.id,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leaderId: group.leaderId,
    members: [...group.members.values()].map((member) =>
      storeMember(member, assignments ? assignments.get(member.id) : member.assignment),
    ),
    changedMs,
    isRebalancing: false,
  }
}

/** The stored state after one more entry; undefined where nothing is left of the group. */
export function nextStored(
  before: StoredGroup | undefined,
  entry: GroupEntry,
): StoredGroup | undefined {
  if (entry.kind === 'group') return entry
  // A group is of one kind at a time.
  if (entry.kind === 'group-deleted' || entry.kind === 'consumer-group') return undefined
  if (entry.kind !== 'group-rebalancing') return before
  const known = before ?? storeGroup(new Group(entry.id), 0)
  return { ...known, generationId: entry.generationId, isRebalancing: true }
}

/** The living group; one that was rebalancing has to go on with it. */
export function restoreGroup(stored: StoredGroup): Group {
  const group = new Group(stored.id)
  group.generationId = stored.generationId
  group.protocolType = stored.protocolType
  group.protocolName = stored.protocolName
  group.leaderId = stored.leaderId
  for (const member of stored.members) group.members.set(member.id, restoreMember(member))
  if (group.members.size > 0) group.state = stored.isRebalancing ? 'PreparingRebalance' : 'Stable'
  return group
}

function storeMember(member: Member, assignment: Buffer | undefined): StoredMember {
  const { id, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs } = member
  return {
    id,
    instanceId,
    clientId,
    clientHost,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocols: member.protocols.map(({ name, metadata }) => ({
      name,
      metadata: metadata.toString('base64'),
    })),
    assignment: assignment?.toString('base64') ?? '',
  }
}

function restoreMember(stored: StoredMember): Member {
  return {
    ...stored,
    protocols: stored.protocols.map(({ name, metadata }) => ({
      name,
      metadata: Buffer.from(metadata, 'base64'),
    })),
    assignment: Buffer.from(stored.assignment, 'base64'),
    aliveUntilMs: 0,
    sessionTimer: undefined,
    join: undefined,
    sync: undefined,
  }
}
