// As the last test of compaction.test.ts, at length: 10,000 disks as a power cut may leave them.

import { expect, test } from 'vitest'
import { crashInCompaction } from './compaction-story.ts'

test('5,000 crashes in compaction lose no last value and move no record', async () => {
  for (let seed = 1000; seed < 6000; seed++)
    expect(await crashInCompaction(seed), `seed ${seed}`).toEqual([])
}, 600_000)
