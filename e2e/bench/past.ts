// A first start as a person has it, with its days of past traffic: how long until all of it is in history, what each part
// takes of the processors for it, and the most memory that all parts had together.

import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import type { Measurement } from './measurement.ts'
import { cpuSeconds, memoryMb, partNames } from './process-cost.ts'
import type { PartName } from './process-cost.ts'

interface Past {
  isLoading: boolean
  done: number
}

const pollMs = 1000

export async function benchPast(): Promise<Measurement[]> {
  const startMs = performance.now()
  await using stack = await startStack({ args: [] })
  const { done, memoryAtPeakMb } = await untilThrough(stack)
  const tookMs = performance.now() - startMs
  const spent = cpuSeconds(stack)
  return [
    { name: 'past, from the command until it is in history', value: tookMs / 1000, unit: 's' },
    { name: 'past, events', value: done, unit: 'events' },
    ...partNames.map((part) => ({
      name: `past, CPU of ${part}`,
      value: (spent[part] * 1e6) / done,
      unit: 'µs/event',
    })),
    { name: 'past, most memory of all parts', value: sumOf(memoryAtPeakMb), unit: 'MB (PSS)' },
    ...partNames.map((part) => ({
      name: `past, of it in ${part}`,
      value: memoryAtPeakMb[part],
      unit: 'MB (PSS)',
    })),
  ]
}

type Memory = Record<PartName, number>

async function untilThrough(stack: Stack): Promise<{ done: number; memoryAtPeakMb: Memory }> {
  let memoryAtPeakMb = memoryMb(stack)
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pollMs))
    const now = memoryMb(stack)
    if (sumOf(now) > sumOf(memoryAtPeakMb)) memoryAtPeakMb = now
    const { isLoading, done } = await stack.get<Past>('dashboard', '/api/past')
    if (!isLoading && done > 0) return { done, memoryAtPeakMb }
  }
}

function sumOf(memory: Memory): number {
  return Object.values(memory).reduce((a, b) => a + b)
}
