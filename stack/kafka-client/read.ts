// Reading partitions from given offsets to the end they have now: restores of changelogs, looks at a topic. The
// group that kafkajs needs for it exists only meanwhile and commits nothing.

import { randomUUID } from 'node:crypto'
import type { KafkaPort } from './connect.ts'
import type { Position, RecordBatch } from './records.ts'
import { partitionName } from './records.ts'

export interface ReadOptions {
  from: readonly Position[]
  onBatch(batch: RecordBatch): Promise<void> | void
}

export async function readPartitions(port: KafkaPort, options: ReadOptions): Promise<void> {
  const waiting = await unread(port, options.from)
  if (waiting.size === 0) return
  const from = options.from.filter((position) => waiting.has(partitionName(position)))
  const done = Promise.withResolvers<void>()
  const consumer = await port.consume({
    groupId: `slipway-read-${randomUUID()}`,
    topics: [...new Set(from.map(({ topic }) => topic))],
    assign: from,
    maxWaitMs: 100,
    onAssigned: async () => from,
    async onBatch(batch) {
      const name = partitionName(batch)
      const end = waiting.get(name)
      if (end === undefined) return
      const records = batch.records.filter((record) => record.offset < end)
      await options.onBatch({ ...batch, records })
      if (batch.nextOffset >= end) waiting.delete(name)
      if (waiting.size === 0) done.resolve()
    },
    onCrash: (error) => done.reject(error),
  })
  try {
    await done.promise
  } finally {
    await consumer.close()
  }
}

/** Partitions that hold records at or after their position, with their ends. */
async function unread(port: KafkaPort, from: readonly Position[]): Promise<Map<string, number>> {
  const admin = await port.admin()
  try {
    const ends = new Map<string, number>()
    for (const topic of new Set(from.map((position) => position.topic))) {
      const [starts, offsets] = await Promise.all([
        admin.startOffsets(topic),
        admin.endOffsets(topic),
      ])
      for (const position of from.filter((each) => each.topic === topic)) {
        const end = offsets[position.partition] ?? 0
        const start = Math.max(position.offset, starts[position.partition] ?? 0)
        if (end > start) ends.set(partitionName(position), end)
      }
    }
    return ends
  } finally {
    await admin.close()
  }
}
