// Random lives of a subscription: messages come, consumers take, acknowledge, refuse, forget; time passes. Whatever
// happens, nothing is lost, nothing settled comes again, and the order of a key holds.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { invariant } from '../base/invariant.ts'
import { Delivery } from './delivery.ts'
import type { DeliveryRules } from './delivery.ts'
import { Consumer } from './entry.ts'
import type { Entry } from './entry.ts'

type Step =
  | { kind: 'publish'; key: number }
  | { kind: 'take'; consumer: number; messages: number }
  | { kind: 'acknowledge' | 'nack'; pick: number }
  | { kind: 'pass'; ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const), key: fc.nat(3) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      consumer: fc.nat(2),
      messages: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('acknowledge' as const), pick: fc.nat() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('nack' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(15_000) }) },
)

const leaseMs = 10_000

interface Out {
  ref: { seq: number; delivery: number }
  consumer: Consumer
  key: string
}

/** Plays a life, checks it all along, then takes and acknowledges until nothing is left. */
function live(steps: readonly Step[], rules: DeliveryRules): void {
  const delivery = new Delivery(rules)
  const consumers = [3, 5, 0].map((messagesMax) => new Consumer({ messagesMax }))
  const published: { seq: number; key: string }[] = []
  const settled = new Set<number>()
  let out: Out[] = []
  let nowMs = 0

  const note = () => {
    for (const seq of delivery.takeSettled()) {
      invariant(!settled.has(seq), 'settled twice')
      settled.add(seq)
    }
    out = out.filter(({ ref }) => delivery.isCurrent(ref))
  }
  const taken = (entries: readonly Entry[], consumer: Consumer) => {
    for (const { message, delivery: number } of entries) {
      invariant(!settled.has(message.seq), 'what is settled came again')
      if (rules.isOrdered && message.orderingKey !== '') {
        const earlier = published.filter(
          ({ seq, key }) => key === message.orderingKey && seq < message.seq && !settled.has(seq),
        )
        const mine = out.filter((each) => each.consumer === consumer).map(({ ref }) => ref.seq)
        const ackedBehind = earlier.filter(({ seq }) => !mine.includes(seq))
        // Acknowledged ones behind an earlier one that is still out are not settled yet.
        for (const { seq } of ackedBehind) invariant(acked.has(seq), 'out of order')
      }
      acked.delete(message.seq)
      out.push({ ref: { seq: message.seq, delivery: number }, consumer, key: message.orderingKey })
    }
  }
  const acked = new Set<number>()
  const run = (each: Step) => {
    if (each.kind === 'publish') {
      const seq = published.length + 1
      const key = each.key === 0 ? '' : `k${each.key}`
      published.push({ seq, key })
      delivery.offer({ seq, orderingKey: key, publishMicros: seq, body: new Uint8Array(10) })
    } else if (each.kind === 'take') {
      const consumer = consumers[each.consumer] as Consumer
      const most = { messages: each.messages, bytes: Infinity }
      taken(delivery.take(consumer, most, { nowMs, leaseMs }), consumer)
    } else if (each.kind === 'pass') {
      nowMs += each.ms
      delivery.advance(nowMs)
    } else {
      const picked = out[each.pick % Math.max(1, out.length)]
      if (picked && each.kind === 'acknowledge') {
        acked.add(picked.ref.seq)
        delivery.acknowledge(picked.ref)
      } else if (picked) delivery.modifyDeadline(picked.ref, 0, nowMs)
    }
    note()
    for (const { messagesMax, outstandingMessages } of consumers) {
      invariant(outstandingMessages <= messagesMax, 'more are out than the consumer may hold')
    }
    invariant(delivery.outstanding === out.length, 'another number is out')
  }
  for (const each of steps) run(each)
  for (let round = 0; settled.size < published.length; round++) {
    invariant(round < published.length + 10, 'messages were lost')
    run({ kind: 'pass', ms: 1_000_000 })
    run({ kind: 'take', consumer: 2, messages: 1000 })
    while (out.length > 0) run({ kind: 'acknowledge', pick: 0 })
  }
  invariant(delivery.size === 0, 'something is held for ever')
}

const backoff = { minimumMs: 10_000, maximumMs: 600_000 }
const always = { deliveryAttemptsMax: undefined }

describe('whatever consumers do, every message is settled once and the order of a key holds', () => {
  test.each<DeliveryRules & { name: string }>([
    { ...always, name: 'unordered', isOrdered: false, isExactlyOnce: false, backoff: undefined },
    { ...always, name: 'ordered', isOrdered: true, isExactlyOnce: false, backoff: undefined },
    { ...always, name: 'ordered, with delays', isOrdered: true, isExactlyOnce: false, backoff },
    { ...always, name: 'exactly-once', isOrdered: true, isExactlyOnce: true, backoff },
  ])('$name', ({ name: _, ...rules }) => {
    const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => live(steps, rules))
    expect(() => fc.assert(property, { numRuns: 500 })).not.toThrow()
  })
})
