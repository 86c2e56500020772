// When a part counts as away.

import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { systemClock } from '../../stack/base/clock.ts'
import { Parts } from './parts.ts'

/** Takes connections and says nothing. */
async function mute() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  return server
}

test('a part that answers late once is busy, one that is late again is away; a closed port is away at once', async () => {
  const server = await mute()
  let nowMs = 0
  const parts = new Parts({
    clock: { ...systemClock, now: () => 0, monotonicMs: () => nowMs },
    controls: {
      history: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      shop: 'http://127.0.0.1:1',
    },
    brokers: ['127.0.0.1:1'],
  })
  expect(await parts.health()).toMatchObject({
    history: { state: 'starting' },
    shop: { state: 'away' },
    broker: { state: 'away' },
  })
  nowMs += 5000
  await parts.health()
  expect(parts.away().sort()).toEqual(['broker', 'history', 'shop'])
  server.close()
})
