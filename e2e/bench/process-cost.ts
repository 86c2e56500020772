// CPU and memory of the parts of a running stack, as Linux counts them.

import { readFileSync } from 'node:fs'
import type { Stack } from '../fixtures/stack.ts'

export const partNames = ['broker', 'shop', 'processor', 'history', 'ui'] as const
export type PartName = (typeof partNames)[number]

/** Ticks of /proc are hundredths of a second on every Linux that Node runs on. */
const ticksPerSecond = 100

export function cpuSeconds(stack: Stack): Record<PartName, number> {
  return perPart((part) => {
    const cells =
      readFileSync(`/proc/${stack.pidOf(part)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? []
    return (Number(cells[11]) + Number(cells[12])) / ticksPerSecond
  })
}

/** Proportional set size: shared pages are counted once over all parts. */
export function memoryMb(stack: Stack): Record<PartName, number> {
  return perPart((part) => {
    const text = readFileSync(`/proc/${stack.pidOf(part)}/smaps_rollup`, 'utf8')
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024
  })
}

function perPart(read: (part: PartName) => number): Record<PartName, number> {
  return Object.fromEntries(partNames.map((part) => [part, read(part)])) as Record<PartName, number>
}
