// A bridge that is killed: lane B alone, in a process that ends itself without a word at the nth time of one step, or when
// everything is there. What it died of goes to stdout.

import { writeSync } from 'node:fs'
import { systemClock } from '#stack/base/clock.ts'
import { silentLogger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import type { GoogleTarget } from '#stack/google/target.ts'
import type { TablesWay } from '../options.ts'
import type { Step } from './logbook.ts'
import { startTablesLane } from './start.ts'

export interface Life {
  by: TablesWay
  history: string
  target: GoogleTarget
  dataset: string
  dataDir: string
  dieAt: { step: Step; nth: number; afterMs: number }
}

const { dieAt, ...route } = JSON.parse(process.argv[2] ?? '') as Life
let seen = 0

const lane = await startTablesLane({
  ...route,
  metrics: new Metrics(),
  logger: silentLogger,
  clock: systemClock,
  errors: { report: async () => {} },
  pollMs: 10,
  batchRows: 5,
  turnRows: 20,
  loadRows: 5,
  loadEveryMs: 0,
  onStep(step) {
    if (step !== dieAt.step || ++seen !== dieAt.nth) return
    if (dieAt.afterMs === 0) die(step)
    systemClock.after(dieAt.afterMs, () => die(step))
  },
})

systemClock.every(10, () => {
  if (lane.status().streams.every(({ state }) => state === 'caught-up')) die('idle')
})

function die(of: string): void {
  writeSync(1, of)
  process.kill(process.pid, 'SIGKILL')
}
