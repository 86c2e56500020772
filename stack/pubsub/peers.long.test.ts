// The contract on other Pub/Sub stand-ins, which `../shared/tools/pubsub/start` starts: the fake inside Google's Go client
// and Google's own emulator. What they do not keep is listed: where they differ, the live service is on our side.

import { describe } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { freePort, startPeer } from '../base/peer.ts'
import { pubsubContract } from './pubsub.contract.ts'
import type { ContractTarget } from './pubsub.contract.ts'

const slow = {
  'a message that is not acknowledged is dropped after the retention of its subscription':
    'it would take twelve minutes: its clock is the real one',
}

const known: Readonly<Record<string, ContractTarget['knownDifferences']>> = {
  pstest: { ...slow },
  google: { ...slow },
}

for (const [kind, knownDifferences] of Object.entries(known)) {
  const args = ['--kind', kind, '--port', String(await freePort())]
  const peer = await startPeer('pubsub/start', args, process.env['SLIPWAY_SHARED'])
  describe.skipIf(peer === undefined)(`beside ours, ${kind}`, () => {
    pubsubContract({
      name: kind,
      start: async () => ({
        address: peer?.addresses[0] ?? '',
        close: async () => peer?.close(),
      }),
      pass: (ms) => systemClock.sleep(ms),
      knownDifferences,
    })
  })
}
