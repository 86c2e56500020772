// What the journal keeps of consumer groups: after each step the group's epochs, the members that the step changed with
// what is meant for them, and who is gone. Entries say how things are, not what was done, so applying one twice is
// applying it once.

import type { ConsumerGroup } from './group.ts'
import type { ConsumerMember } from './member.ts'
import type { IdPartitions, PartitionKey } from './partition-set.ts'
import { listOf, noPartitions, setOf } from './partition-set.ts'

interface StoredConsumerMember extends Omit<
  ConsumerMember,
  'assigned' | 'assignedIn' | 'revoking'
> {
  /** With the epoch in which it got each. */
  assigned: [PartitionKey, number][]
  revoking: IdPartitions[]
  target: IdPartitions[]
}

export interface ConsumerGroupEntry {
  kind: 'consumer-group'
  id: string
  epoch: number
  assignmentEpoch: number
  sizes: Record<string, number>
  members: StoredConsumerMember[]
  gone: string[]
}

export function consumerGroupEntry(
  group: ConsumerGroup,
  changed: Iterable<string>,
): ConsumerGroupEntry {
  const ids = [...new Set(changed)]
  return {
    kind: 'consumer-group',
    id: group.id,
    epoch: group.epoch,
    assignmentEpoch: group.assignmentEpoch,
    sizes: Object.fromEntries(group.sizes),
    members: ids.flatMap((id) => {
      const member = group.members.get(id)
      return member ? [storeMember(group, member)] : []
    }),
    gone: ids.filter((id) => !group.members.has(id)),
  }
}

/** Takes an entry up again, at a start. */
export function applyEntry(group: ConsumerGroup, entry: ConsumerGroupEntry): void {
  group.epoch = entry.epoch
  group.assignmentEpoch = entry.assignmentEpoch
  group.sizes = new Map(Object.entries(entry.sizes))
  for (const { assigned, revoking, target, ...rest } of entry.members) {
    const assignedIn = new Map(assigned)
    const member = { ...rest, assignedIn, assigned: new Set(assignedIn.keys()) }
    group.members.set(rest.id, { ...member, revoking: setOf(revoking) })
    group.targets.set(rest.id, setOf(target))
  }
  for (const id of entry.gone) {
    group.members.delete(id)
    group.targets.delete(id)
  }
}

function storeMember(group: ConsumerGroup, member: ConsumerMember): StoredConsumerMember {
  const { assigned: _, assignedIn, ...rest } = member
  return {
    ...rest,
    assigned: [...assignedIn],
    revoking: listOf(member.revoking),
    target: listOf(group.targets.get(member.id) ?? noPartitions),
  }
}
