// CPU and memory of the parts of a running stack, as Linux counts them.

import { readFileSync } from 'node:fs'
import type { Stack } from '../fixtures/stack.ts'

const localParts = ['broker', 'shop', 'processor', 'history', 'ui'] as const
const cloudParts = ['pubsub', 'bigquery', 'bridge'] as const
export type PartName = (typeof localParts)[number] | (typeof cloudParts)[number]

/** Those that the stack has. */
export function partsOf({ addresses }: Stack): readonly PartName[] {
  return 'pubsub' in addresses ? [...localParts, ...cloudParts] : localParts
}

export type PerPart = Partial<Record<PartName, number>>

/** Ticks of /proc are hundredths of a second on every Linux that Node runs on. */
const ticksPerSecond = 100

export function cpuSeconds(stack: Stack): PerPart {
  return perPart(stack, (part) => cpuSecondsOf(stack.pidOf(part)))
}

export function cpuSecondsOf(pid: number): number {
  const cells = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(cells[11]) + Number(cells[12])) / ticksPerSecond
}

/** Proportional set size: shared pages are counted once over all parts. */
export function memoryMb(stack: Stack): PerPart {
  return perPart(stack, (part) => {
    const text = readFileSync(`/proc/${stack.pidOf(part)}/smaps_rollup`, 'utf8')
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024
  })
}

export function sumOf(perPart: PerPart): number {
  return Object.values(perPart).reduce((a, b) => a + b, 0)
}

function perPart(stack: Stack, read: (part: PartName) => number): PerPart {
  return Object.fromEntries(partsOf(stack).map((part) => [part, read(part)]))
}
