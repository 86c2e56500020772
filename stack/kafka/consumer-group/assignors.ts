// Who of a group should have which partitions. Pure: members, their topics and what they were meant to have before.
//
//   range    of each topic a row of neighbours to each member, as Kafka's does it
//   uniform  as many partitions to each as can be, and whoever had one keeps it where that can be

import type { PartitionKey, PartitionSet } from './partition-set.ts'
import { partitionKey, topicIdOf } from './partition-set.ts'

export interface AssignedMember {
  id: string
  instanceId: string | null
  topicIds: ReadonlySet<string>
  /** Meant for it until now. */
  target: PartitionSet
}

/** Topic id → number of partitions. */
export type TopicSizes = ReadonlyMap<string, number>

type Targets = Map<string, Set<PartitionKey>>

type Assign = (members: readonly AssignedMember[], topics: TopicSizes) => Targets

export const assignors = { uniform, range } satisfies Record<string, Assign>

export type AssignorName = keyof typeof assignors

export const assignorNames = Object.keys(assignors) as AssignorName[]

export function isAssignor(name: string): name is AssignorName {
  return name in assignors
}

function range(members: readonly AssignedMember[], topics: TopicSizes): Targets {
  const targets: Targets = new Map(members.map(({ id }) => [id, new Set()]))
  const inOrder = [...members].sort(byInstanceThenId)
  for (const [topicId, size] of topics) {
    const readers = inOrder.filter(({ topicIds }) => topicIds.has(topicId))
    const quota = Math.floor(size / readers.length)
    const extra = size % readers.length
    let next = 0
    for (const [i, { id }] of readers.entries()) {
      const end = next + quota + (i < extra ? 1 : 0)
      for (; next < end; next++) targets.get(id)?.add(partitionKey(topicId, next))
    }
  }
  return targets
}

/** Members with an instance id first: they come back under the same one. */
function byInstanceThenId(a: AssignedMember, b: AssignedMember): number {
  if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId)
  if (a.instanceId !== null || b.instanceId !== null) return a.instanceId !== null ? -1 : 1
  return compare(a.id, b.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/**
 * What is free goes to whoever has least. Then partitions wander from those who have more to those who have less, along
 * the shortest chain of members who may read them, until no chain joins two members that are two apart: a
 * semi-matching is optimal then (Harvey, Ladner, Lovász, Tamir 2006).
 */
function uniform(members: readonly AssignedMember[], topics: TopicSizes): Targets {
  const readersOf = new Map(
    [...topics.keys()].map((topicId) => [
      topicId,
      members.filter(({ topicIds }) => topicIds.has(topicId)).map(({ id }) => id),
    ]),
  )
  const targets: Targets = new Map()
  const taken = new Set<PartitionKey>()
  for (const { id, topicIds, target } of members) {
    const exists = (key: PartitionKey) =>
      Number(key.slice(key.lastIndexOf(':') + 1)) < (topics.get(topicIdOf(key)) ?? 0)
    const kept = [...target].filter(
      (key) => topicIds.has(topicIdOf(key)) && exists(key) && !taken.has(key),
    )
    for (const key of kept) taken.add(key)
    targets.set(id, new Set(kept))
  }
  const load = (id: string) => targets.get(id)?.size ?? 0
  for (const [topicId, size] of topics) {
    const readers = readersOf.get(topicId) ?? []
    for (let partition = 0; partition < size; partition++) {
      const key = partitionKey(topicId, partition)
      if (taken.has(key)) continue
      const least = readers.reduce((best, id) => (load(id) < load(best) ? id : best))
      targets.get(least)?.add(key)
    }
  }
  for (;;) {
    const chain = levellingChain(targets, readersOf)
    if (!chain) return targets
    for (const { key, from, to } of chain) {
      targets.get(from)?.delete(key)
      targets.get(to)?.add(key)
    }
  }
}

interface Move {
  key: PartitionKey
  from: string
  to: string
}

/** From the fullest member that can be relieved to one that has at least two partitions less. */
function levellingChain(
  targets: Targets,
  readersOf: ReadonlyMap<string, readonly string[]>,
): Move[] | undefined {
  const fullestFirst = [...targets].sort(([, a], [, b]) => b.size - a.size)
  const least = fullestFirst.at(-1)?.[1].size ?? 0
  for (const [id, { size }] of fullestFirst) {
    if (size - least < 2) return undefined
    const chain = chainFrom(id, size - 2, targets, readersOf)
    if (chain) return chain
  }
  return undefined
}

function chainFrom(
  start: string,
  loadMax: number,
  targets: Targets,
  readersOf: ReadonlyMap<string, readonly string[]>,
): Move[] | undefined {
  const cameBy = new Map<string, Move | undefined>([[start, undefined]])
  for (const id of cameBy.keys()) {
    if (id !== start && (targets.get(id)?.size ?? 0) <= loadMax) return movesTo(id, cameBy)
    const lastOfTopic = new Map([...(targets.get(id) ?? [])].map((key) => [topicIdOf(key), key]))
    for (const [topicId, key] of lastOfTopic)
      for (const to of readersOf.get(topicId) ?? [])
        if (!cameBy.has(to)) cameBy.set(to, { key, from: id, to })
  }
  return undefined
}

function movesTo(end: string, cameBy: ReadonlyMap<string, Move | undefined>): Move[] {
  const moves: Move[] = []
  for (let move = cameBy.get(end); move; move = cameBy.get(move.from)) moves.push(move)
  return moves
}
