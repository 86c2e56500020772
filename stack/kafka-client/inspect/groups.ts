// Consumer groups as rows: all of them, or the partitions of one with its lag; and where its offsets would be set to.

import { AssignerProtocol } from 'kafkajs'
import type { Admin } from 'kafkajs'
import { OperatingError } from '../../base/errors.ts'
import { consumerGroupDescribe } from '../../kafka/protocol/messages/group.ts'
import type { Cluster } from '../cluster.ts'
import { Coordinator, noGeneration, noMember } from '../coordinator.ts'
import type { TopicPartition } from '../records.ts'
import { resetOffset } from './offset-reset.ts'
import type { PartitionSpan, ResetTarget } from './offset-reset.ts'
import type { Reach } from './options.ts'
import type { Row } from './print.ts'

interface GroupPartition extends PartitionSpan {
  topic: string
  partition: number
}

export interface OffsetMove {
  topic: string
  partition: number
  from: number | null
  to: number
}

/** Of either kind: classic, or with members that the broker assigns (KIP-848). */
interface Described {
  state: string
  members: { who: string; partitions: TopicPartition[] }[]
}

export async function groupRows({ admin, cluster }: Reach): Promise<Row[]> {
  const { groups } = await admin.listGroups()
  const rows: Row[] = []
  for (const groupId of groups.map((group) => group.groupId).sort()) {
    const { state, members } = await describe({ admin, cluster }, groupId)
    const partitions = await partitionsOf(admin, groupId)
    rows.push({
      group: groupId,
      state,
      members: members.length,
      partitions: partitions.length,
      lagRecords: partitions.reduce((sum, each) => sum + lagOf(each), 0),
    })
  }
  return rows
}

export async function groupPartitionRows(reach: Reach, groupId: string): Promise<Row[]> {
  const owners = ownersOf(await existing(reach, groupId))
  return (await partitionsOf(reach.admin, groupId)).map((each) => ({
    group: groupId,
    topic: each.topic,
    partition: each.partition,
    committed: each.committed ?? null,
    endOffset: each.endOffset,
    lagRecords: lagOf(each),
    member: owners.get(`${each.topic}-${each.partition}`) ?? null,
  }))
}

/** Of the partitions that the group has committed, or of all those of the topic. */
export async function plannedMoves(
  admin: Admin,
  groupId: string,
  { target, topic }: { target: ResetTarget; topic: string | undefined },
): Promise<OffsetMove[]> {
  const committed = await partitionsOf(admin, groupId)
  const partitions =
    topic === undefined ? committed : await partitionsOfTopic(admin, topic, committed)
  const moves: OffsetMove[] = []
  const atTime = new Map<string, Map<number, number>>()
  for (const each of partitions) {
    if (target.kind === 'time' && !atTime.has(each.topic)) {
      atTime.set(each.topic, await offsetsAt(admin, each.topic, target.timestampMs))
    }
    const to = resetOffset(target, each, atTime.get(each.topic)?.get(each.partition) ?? 0)
    const { topic: name, partition } = each
    moves.push({ topic: name, partition, from: each.committed ?? null, to })
  }
  return moves
}

/** The group must be empty: a member that is running would commit over it. */
export async function carryOut(
  reach: Reach,
  groupId: string,
  moves: readonly OffsetMove[],
): Promise<void> {
  const { state, members } = await describe(reach, groupId)
  if (members.length > 0) {
    throw new OperatingError(`group "${groupId}" has members, which would commit over it`, {
      where: `state ${state}, members ${members.length}`,
      hint: 'stop them first; a dry run is possible at any time',
    })
  }
  const positions = moves.map(({ topic, partition, to: offset }) => ({ topic, partition, offset }))
  await new Coordinator(reach.cluster, groupId).commit(positions, noGeneration, noMember)
}

/** What is listed and no classic group is one of the other kind. */
async function describe({ admin, cluster }: Reach, groupId: string): Promise<Described> {
  const { groups } = await admin.describeGroups([groupId])
  const [group] = groups
  if (!group || group.state === 'Dead') return describeConsumers(cluster, groupId)
  const members = group.members.map(({ clientId, clientHost, memberAssignment }) => ({
    who: `${clientId} ${clientHost}`,
    partitions: assignedBy(memberAssignment),
  }))
  return { state: group.state, members }
}

async function describeConsumers(cluster: Cluster, groupId: string): Promise<Described> {
  const answer = await new Coordinator(cluster, groupId).request(consumerGroupDescribe, 0, {
    groupIds: [groupId],
    includeAuthorizedOperations: false,
  })
  const members = answer.groups.flatMap((group) => group.members)
  return {
    // One that went meanwhile has none.
    state: answer.groups[0]?.groupState || 'Dead',
    members: members.map(({ clientId, clientHost, assignment }) => ({
      who: `${clientId} ${clientHost}`,
      partitions: assignment.topicPartitions.flatMap(({ topicName: topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    })),
  }
}

async function existing(reach: Reach, groupId: string): Promise<Described> {
  const { groups } = await reach.admin.listGroups()
  if (groups.some((group) => group.groupId === groupId)) return describe(reach, groupId)
  const names = groups.map((group) => group.groupId).sort()
  throw new OperatingError(`there is no group "${groupId}"`, {
    hint: `there are ${names.join(', ') || 'none at all'}`,
  })
}

async function partitionsOf(admin: Admin, groupId: string): Promise<GroupPartition[]> {
  const found: GroupPartition[] = []
  for (const { topic, partitions } of await admin.fetchOffsets({ groupId })) {
    const spans = await spansOf(admin, topic)
    for (const { partition, offset } of partitions) {
      const span = spans.get(partition)
      if (Number(offset) < 0 || span === undefined) continue
      found.push({ topic, partition, committed: Number(offset), ...span })
    }
  }
  return inOrder(found)
}

async function partitionsOfTopic(
  admin: Admin,
  topic: string,
  committed: readonly GroupPartition[],
): Promise<GroupPartition[]> {
  const known = new Map(
    committed.filter((each) => each.topic === topic).map((each) => [each.partition, each]),
  )
  const spans = await spansOf(admin, topic)
  return inOrder(
    [...spans].map(
      ([partition, span]) =>
        known.get(partition) ?? { topic, partition, committed: undefined, ...span },
    ),
  )
}

async function spansOf(
  admin: Admin,
  topic: string,
): Promise<Map<number, { startOffset: number; endOffset: number }>> {
  const offsets = await admin.fetchTopicOffsets(topic)
  return new Map(
    offsets.map(({ partition, low, high }) => [
      partition,
      { startOffset: Number(low), endOffset: Number(high) },
    ]),
  )
}

async function offsetsAt(
  admin: Admin,
  topic: string,
  timestampMs: number,
): Promise<Map<number, number>> {
  const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, timestampMs)
  return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]))
}

/** `topic-partition` → who reads it. */
function ownersOf({ members }: Described): Map<string, string> {
  return new Map(
    members.flatMap(({ who, partitions }) =>
      partitions.map(({ topic, partition }): [string, string] => [`${topic}-${partition}`, who]),
    ),
  )
}

function assignedBy(memberAssignment: Buffer): TopicPartition[] {
  if (memberAssignment.length === 0) return []
  const assignment = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {}
  return Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  )
}

function lagOf({ committed, startOffset, endOffset }: PartitionSpan): number {
  return Math.max(endOffset - Math.max(committed ?? 0, startOffset), 0)
}

function inOrder(partitions: GroupPartition[]): GroupPartition[] {
  return partitions.sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  )
}
