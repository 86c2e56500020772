// Nothing is dropped without a trace: received = enriched + rejected + duplicate, through kills of the parts between.

import { describe, expect, test, vi } from 'vitest'
import { startStack } from '../fixtures/stack.ts'
import { topicWriter } from './topic-writer.ts'
import { fates, traffic } from './traffic.ts'

interface Positions {
  totals: Record<'received' | 'enriched' | 'rejected' | 'duplicate', number>
}

describe('conservation', () => {
  test(
    '20,000 mixed events are all accounted for, through kills of processor and history',
    { timeout: 180_000 },
    async () => {
      await using stack = await startStack()
      await using writer = await topicWriter(stack.addresses['kafka'] as string)
      const events = traffic({ seed: 4, count: 20_000, startMs: Date.now() - 3_600_000 })
      const kills = [
        { at: 0.3, part: 'processor' },
        { at: 0.6, part: 'history' },
        { at: 0.8, part: 'processor' },
      ]
      await writer.write(events, async (done) => {
        const [next] = kills
        if (!next || done < next.at) return
        kills.shift()
        // The one that was killed before may not be back yet.
        const pid = await vi.waitFor(() => stack.pidOf(next.part), { timeout: 20_000 })
        process.kill(pid, 'SIGKILL')
      })
      await stack.settle(90_000)
      const { totals } = await stack.get<Positions>('history', '/v1/positions')
      expect(totals).toMatchObject({ received: events.length, ...renamed(fates(events)) })
      const stored = await stack.rows<{ event_id: string }>('events')
      expect(new Set(stored.map((row) => row.event_id)).size).toBe(stored.length)
    },
  )
})

function renamed(counts: Record<string, number>): Record<string, number | undefined> {
  return {
    enriched: counts['enriched'],
    rejected: counts['rejected'],
    duplicate: counts['duplicate'],
  }
}
