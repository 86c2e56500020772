// Partitions of several topics as one set, so that who has and who should have what is union and difference. Topics
// are named by id: one that was deleted and made again is another.

export type PartitionKey = `${string}:${number}`

export type PartitionSet = ReadonlySet<PartitionKey>

/** As messages and the journal have them. */
export interface IdPartitions {
  topicId: string
  partitions: number[]
}

export const noPartitions: PartitionSet = new Set()

export function partitionKey(topicId: string, partition: number): PartitionKey {
  return `${topicId}:${partition}`
}

export function topicIdOf(key: PartitionKey): string {
  return key.slice(0, key.lastIndexOf(':'))
}

export function setOf(topics: readonly IdPartitions[]): PartitionSet {
  return new Set(
    topics.flatMap(({ topicId, partitions }) =>
      partitions.map((partition) => partitionKey(topicId, partition)),
    ),
  )
}

/** Topics and partitions in order. */
export function listOf(partitions: PartitionSet): IdPartitions[] {
  const byTopic = new Map<string, number[]>()
  for (const key of [...partitions].sort()) {
    const topicId = topicIdOf(key)
    const indexes = byTopic.get(topicId) ?? []
    byTopic.set(topicId, indexes)
    indexes.push(Number(key.slice(topicId.length + 1)))
  }
  return [...byTopic].map(([topicId, indexes]) => ({
    topicId,
    partitions: indexes.sort((a, b) => a - b),
  }))
}

export function isSame(a: PartitionSet, b: PartitionSet): boolean {
  return a.size === b.size && a.isSubsetOf(b)
}
