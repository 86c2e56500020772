// From the command to `ready`: on an empty folder, and again on the same one.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStack } from '../fixtures/stack.ts'
import type { Measurement } from './measurement.ts'
import { memoryMb, sumOf } from './process-cost.ts'

const runs = 3
/** All parts that `npm start` has. */
const args = ['--no-demo', '--cloud', 'emulator']

export async function benchReady(): Promise<Measurement[]> {
  const first: number[] = []
  const again: number[] = []
  let memory = 0
  for (let i = 0; i < runs; i++) {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-ready-'))
    const stack = await startStack({ args, dataDir })
    first.push(stack.readyMs)
    memory = sumOf(memoryMb(stack))
    await stack.stop()
    const second = await startStack({ args, dataDir, portOffset: stack.portOffset })
    again.push(second.readyMs)
    await second.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return [
    { name: 'ready, first start', value: median(first), unit: 'ms', note: `median of ${runs}` },
    { name: 'ready, second start', value: median(again), unit: 'ms', note: `median of ${runs}` },
    { name: 'memory of all parts when ready', value: memory, unit: 'MB (PSS)' },
  ]
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}
