import { ManualClock, DomainClock } from '../base/clock.ts'
import { pubsubContract } from './pubsub.contract.ts'
import { startPubSub } from './start.ts'

const clock = new ManualClock(Date.now())

pubsubContract({
  name: 'the embedded one',
  start: () => startPubSub({ clock, domainClock: new DomainClock(clock) }),
  // The timers of the server are all on this clock; what they do is done when it has moved.
  pass: async (ms) => clock.advance(ms),
  knownDifferences: {},
})
