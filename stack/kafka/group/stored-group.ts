// What the journal keeps of groups: each generation that became stable, and each committed offset. Bytes are base64.

import { errorCodes } from '../protocol/errors.ts'
import { Group } from './group.ts'
import type { CommittedOffset } from './group.ts'
import type { Member } from './member.ts'

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

export type GroupEntry =
  | {
      kind: 'group'
      id: string
      generationId: number
      protocolType: string | null
      protocolName: string | null
      leaderId: string | null
      members: StoredMember[]
    }
  | { kind: 'group-deleted'; id: string }
  | { kind: 'offsets'; id: string; offsets: StoredOffset[] }
  | { kind: 'offsets-deleted'; id: string; partitions: { topic: string; partition: number }[] }

export interface StoredOffset extends CommittedOffset {
  topic: string
  partition: number
}

export const groupEntryKinds = ['group', 'group-deleted', 'offsets', 'offsets-deleted'] as const

export function storeGroup(group: Group): GroupEntry {
  return {
    kind: 'group',
    id: group.id,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leaderId: group.leaderId,
    members: [...group.members.values()].map(storeMember),
  }
}

export function storeOffsets(group: Group): GroupEntry {
  const offsets = [...group.offsets].flatMap(([topic, partitions]) =>
    [...partitions].map(([partition, committed]) => ({ topic, partition, ...committed })),
  )
  return { kind: 'offsets', id: group.id, offsets }
}

/** Applies one entry to the groups; the caller starts session timers when all are in. */
export function applyEntry(groups: Map<string, Group>, entry: GroupEntry): void {
  if (entry.kind === 'group-deleted') {
    groups.delete(entry.id)
    return
  }
  let group = groups.get(entry.id)
  if (!group) {
    group = new Group(entry.id)
    groups.set(entry.id, group)
  }
  if (entry.kind === 'group') restoreGroup(group, entry)
  else if (entry.kind === 'offsets') for (const offset of entry.offsets) putOffset(group, offset)
  else
    for (const { topic, partition } of entry.partitions) group.offsets.get(topic)?.delete(partition)
}

export function putOffset(group: Group, { topic, partition, ...committed }: StoredOffset): void {
  let partitions = group.offsets.get(topic)
  if (!partitions) {
    partitions = new Map()
    group.offsets.set(topic, partitions)
  }
  partitions.set(partition, committed)
}

function restoreGroup(group: Group, entry: Extract<GroupEntry, { kind: 'group' }>): void {
  group.generationId = entry.generationId
  group.protocolType = entry.protocolType
  group.protocolName = entry.protocolName
  group.leaderId = entry.leaderId
  group.state = entry.members.length === 0 ? 'Empty' : 'Stable'
  group.members.clear()
  for (const member of entry.members) group.members.set(member.id, restoreMember(member))
}

function storeMember(member: Member): StoredMember {
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
    assignment: member.assignment.toString('base64'),
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

export const metadataBytesMax = 4096

/** What a commit of this metadata string is answered with. */
export function metadataFault(metadata: string | null): number {
  return metadata !== null && Buffer.byteLength(metadata) > metadataBytesMax
    ? errorCodes.OFFSET_METADATA_TOO_LARGE
    : errorCodes.NONE
}
