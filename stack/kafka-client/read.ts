// Reading partitions from given offsets to the end they have now: restores of changelogs, looks at a topic.

import { Cluster } from './cluster.ts'
import { startConsumer } from './consumer.ts'
import type { ConsumerSurroundings } from './consumer.ts'
import { firstOffsets, startOffset } from './offsets.ts'
import type { Position, RecordBatch } from './records.ts'
import { partitionName } from './records.ts'

export interface ReadOptions {
  from: readonly Position[]
  onBatch(batch: RecordBatch): Promise<void> | void
}

const patienceMs = 40_000

export async function readPartitions(
  options: ReadOptions,
  surroundings: ConsumerSurroundings,
): Promise<void> {
  const cluster = new Cluster(surroundings)
  const ends = await cluster.patiently(patienceMs, () => unread(cluster, options.from))
  cluster.disconnect()
  const waiting = new Map(ends)
  if (waiting.size === 0) return
  const from = options.from.filter((position) => waiting.has(partitionName(position)))
  const done = Promise.withResolvers<void>()
  const read = {
    groupId: '',
    topics: [],
    assign: from,
    maxWaitMs: 100,
    onAssigned: async () => from,
    async onBatch(batch: RecordBatch) {
      const name = partitionName(batch)
      const end = waiting.get(name)
      if (end === undefined) return
      const records = batch.records.filter((record) => record.offset < end)
      await options.onBatch({ ...batch, records })
      if (batch.nextOffset >= end) waiting.delete(name)
      if (waiting.size === 0) done.resolve()
    },
    onCrash: done.reject,
  }
  const consumer = await startConsumer(read, surroundings)
  try {
    await done.promise
  } finally {
    await consumer.close()
  }
}

/** Partitions that hold records at or after their position, with their ends. */
async function unread(
  cluster: Cluster,
  from: readonly Position[],
): Promise<ReadonlyMap<string, number>> {
  await cluster.refresh([...new Set(from.map(({ topic }) => topic))])
  const [starts, ends] = await Promise.all(
    (['beginning', 'end'] as const).map(async (end) => {
      const found = await firstOffsets(cluster, from, startOffset(end))
      return new Map(found.map((position) => [partitionName(position), position.offset]))
    }),
  )
  return new Map(
    from.flatMap((position) => {
      const name = partitionName(position)
      const end = ends?.get(name) ?? 0
      return end > Math.max(position.offset, starts?.get(name) ?? 0) ? [[name, end]] : []
    }),
  )
}
