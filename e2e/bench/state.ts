// What open sessions cost: memory of each, speed with few keys and with many, the longest stop of the garbage collector.
// Each size in a process of its own, since memory once taken is not given back.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { StateBench, StateBenchOptions } from '#processor/state/state.bench.ts'
import type { Measurement } from './measurement.ts'

const run = promisify(execFile)

const sizes = {
  few: { sessions: 10_000, carts: 1000 },
  many: { sessions: 1_000_000, carts: 100_000 },
}

export async function benchStates(): Promise<Measurement[]> {
  const few = await measure(sizes.few)
  const many = await measure(sizes.many)
  const ratio = many.eventsPerSecond / few.eventsPerSecond
  return [
    {
      name: 'state: an open session',
      value: many.bytesPerSession,
      unit: 'bytes',
      note: `${many.sessions} of three events`,
    },
    { name: 'state: an open cart, in both stages', value: many.bytesPerCart, unit: 'bytes' },
    { name: 'state: longest stop of the collector', value: many.pauseMsMax, unit: 'ms' },
    { name: 'state: stage one, 10,000 keys', value: few.eventsPerSecond, unit: 'events/s of CPU' },
    {
      name: 'state: stage one, 1,000,000 keys',
      value: many.eventsPerSecond,
      unit: 'events/s of CPU',
      note: `ratio ${ratio.toFixed(2)}`,
    },
  ]
}

async function measure(options: StateBenchOptions): Promise<StateBench> {
  const module = new URL('../../processor/state/state.bench.ts', import.meta.url).href
  const script = `import { benchState } from '${module}'
process.stdout.write(JSON.stringify(await benchState(${JSON.stringify(options)})))`
  const args = ['--max-semi-space-size=16', '--input-type=module', '--eval', script]
  const { stdout } = await run(process.execPath, args)
  // benchState wrote it.
  return JSON.parse(stdout) as StateBench
}
