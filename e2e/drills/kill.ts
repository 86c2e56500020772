// Load through the collector with a ledger of what it acknowledged, kills of one part meanwhile, and the comparison
// with history at the end.

import { Random } from '#stack/base/random.ts'
import { outsideBrokers } from '#stack/kafka-client/test-broker.ts'
import type { Stack } from '../fixtures/stack.ts'

/** Somebody else's broker is not ours to kill. */
export const parts = [
  ...(outsideBrokers === undefined ? ['broker'] : []),
  'processor',
  'history',
  'shop',
  'ui',
]

interface KillOptions {
  kills: number
  seed: number
}

interface Ledger {
  acknowledged: Set<string>
  /** Sent, but no answer or a refusal: may be there, may be not. */
  unknown: Set<string>
}

const batchEvents = 40
const batchesPerKill = 30

export async function killUnderLoad(
  stack: Stack,
  part: string,
  options: KillOptions,
): Promise<{ missing: string[]; repeated: string[] }> {
  const ledger: Ledger = { acknowledged: new Set(), unknown: new Set() }
  const random = new Random(`kill/${options.seed}`)
  for (let kill = 0; kill < options.kills; kill++) {
    const at = 5 + random.int(batchesPerKill - 10)
    const before = stack.pidOf(part)
    for (let batch = 0; batch < batchesPerKill; batch++) {
      if (batch === at) process.kill(before, 'SIGKILL')
      await post(stack, ledger, `k${kill}-b${batch}`)
    }
    await untilBack(stack, part, before)
  }
  await post(stack, ledger, 'after')
  await stack.settle(60_000)
  return compare(ledger, await stack.rows<{ event_id: string }>('events'))
}

async function post(stack: Stack, ledger: Ledger, name: string): Promise<void> {
  const ids = Array.from({ length: batchEvents }, (_, i) => `${name}-${i}`)
  const body = ids.map((eventId, i) => ({
    eventId,
    name: 'page_view',
    eventTime: new Date().toISOString(),
    anonymousId: `visitor-${i}`,
    source: 'drill',
    data: {},
  }))
  try {
    await stack.post('shop', '/v1/events', body)
    for (const id of ids) ledger.acknowledged.add(id)
  } catch {
    for (const id of ids) ledger.unknown.add(id)
  }
}

/** A new process of the part, and its stack healthy again. */
async function untilBack(stack: Stack, part: string, before: number): Promise<void> {
  const limitMs = Date.now() + 30_000
  for (;;) {
    try {
      const health = await stack.get<{ ready: boolean }>('dashboard', '/api/health')
      if (health.ready && stack.pidOf(part) !== before) return
    } catch {
      // it is on its way
    }
    if (Date.now() > limitMs) throw new Error(`${part} did not come back in 30 s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

function compare(
  ledger: Ledger,
  rows: readonly { event_id: string }[],
): { missing: string[]; repeated: string[] } {
  const seen = new Map<string, number>()
  for (const { event_id } of rows) seen.set(event_id, (seen.get(event_id) ?? 0) + 1)
  return {
    missing: [...ledger.acknowledged].filter((id) => !seen.has(id)),
    repeated: [...seen].filter(([, count]) => count > 1).map(([id]) => id),
  }
}
