// The target away for a minute at full load (G4): the bridge takes no more memory than at the beginning of it, says how far it
// is behind, catches up, and nothing is lost.

import { expect, test } from 'vitest'
import { minuteMs } from '#stack/base/units.ts'
import { sufferOutage } from './outage.contract.ts'

/** What may wait in memory is there by then; what comes after it is left where it is. */
const filledSeconds = 30
/** A collector looks when it likes. */
const slackMb = 16

test.each([
  ['hang', 'write-api'],
  ['stay away', 'write-api'],
  ['hang', 'load'],
  ['stay away', 'load'],
] as const)(
  'stand-ins that %s for a minute take no memory and lose nothing, tables going by %s',
  { timeout: 15 * minuteMs },
  async (kind, tablesBy) => {
    const ratePerSecond = 300
    const outage = await sufferOutage({ tablesBy, kind, ratePerSecond, forMs: minuteMs })
    const { memoryMb, lagBefore, lagAfter, catchUpMs, missing, early, verified } = outage
    const filled = Math.max(...memoryMb.slice(0, filledSeconds))
    const late = Math.max(...memoryMb.slice(-filledSeconds))
    process.stdout.write(
      `${tablesBy}, ${kind}: memory at most ${filled.toFixed(0)} MB in the first ${filledSeconds} s, ${late.toFixed(0)} MB in the last; lag ${lagBefore} to ${lagAfter}; caught up after ${(catchUpMs / 1000).toFixed(0)} s\n  ${memoryMb.map((mb) => mb.toFixed(0)).join(' ')}\n`,
    )
    expect(lagAfter).toBeGreaterThan(lagBefore + ratePerSecond * 30)
    expect(late).toBeLessThan(filled + slackMb)
    expect([missing.slice(0, 5), early]).toEqual([[], []])
    expect(verified).toEqual({ code: 0, said: expect.stringContaining('equal: ') })
  },
)
