// The whole pipeline: somebody else's kafkajs produces at full speed, the processor judges, history writes. Measured
// from the first send until every event is counted in history, with the CPU that each part took.

import { topicWriter } from '../drills/topic-writer.ts'
import { traffic } from '../drills/traffic.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import type { Measurement } from './main.ts'
import { cpuSeconds, memoryMb, partNames } from './process-cost.ts'

interface Totals {
  totals: { enriched: number; rejected: number; duplicate: number }
}

const pollMs = 50

export async function benchPipeline(count: number): Promise<Measurement[]> {
  await using stack = await startStack()
  await using writer = await topicWriter(stack.addresses['kafka'] as string)
  const warmUp = traffic({ seed: 1, count: 5000, startMs: Date.now() - 7_200_000, visitors: 500 })
  await writer.write(warmUp)
  await untilCounted(stack, warmUp.length)
  const events = traffic({ seed: 2, count, startMs: Date.now() - 3_600_000, visitors: count / 20 })
  const before = cpuSeconds(stack)
  const ownBefore = process.cpuUsage()
  const startMs = performance.now()
  await writer.write(events)
  const producedMs = performance.now() - startMs
  await untilCounted(stack, warmUp.length + events.length)
  const tookMs = performance.now() - startMs
  const after = cpuSeconds(stack)
  const own = process.cpuUsage(ownBefore)
  const parts = partNames.map((part) => ({ part, seconds: after[part] - before[part] }))
  const cpuTotal =
    parts.reduce((sum, { seconds }) => sum + seconds, 0) + (own.user + own.system) / 1e6
  const memory = Object.values(memoryMb(stack)).reduce((a, b) => a + b)
  return [
    { name: 'pipeline, producer to history', value: count / (tookMs / 1000), unit: 'events/s' },
    { name: 'pipeline, per core used', value: count / cpuTotal, unit: 'events/s' },
    { name: 'pipeline, producer alone', value: count / (producedMs / 1000), unit: 'events/s' },
    ...parts.map(({ part, seconds }) => ({
      name: `pipeline, CPU of ${part}`,
      value: (seconds * 1e6) / count,
      unit: 'µs/event',
    })),
    {
      name: 'pipeline, CPU of the producer',
      value: (own.user + own.system) / count,
      unit: 'µs/event',
    },
    { name: 'pipeline, memory of all parts', value: memory, unit: 'MB (PSS)' },
  ]
}

async function untilCounted(stack: Stack, wanted: number): Promise<void> {
  for (;;) {
    const { totals } = await stack.get<Totals>('history', '/v1/positions')
    if (totals.enriched + totals.rejected + totals.duplicate >= wanted) return
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
