// Sentences and figures of the Bridge page.

import { describe, expect, test } from 'vitest'
import type { BridgeAnswer } from '../../../api/bridge.ts'
import type { TableAgreement } from '../../../api/bridge/parity.ts'
import type { BridgeStatus, StreamStatus } from '../../../api/bridge/status.ts'
import { inOrder, lifeWords, parityStanding, Rates, standingOf } from './figures.ts'

const stream = (more: Partial<StreamStatus> = {}): StreamStatus => ({
  stream: 'user-sessions-0',
  position: 5,
  targetPosition: 5,
  lagRecords: 0,
  oldestUnsentMs: null,
  counts: { sent: 0, retries: 0, errors: 0, dedupHits: 0 },
  state: 'caught-up',
  detail: '',
  sinceMs: 0,
  ...more,
})

const statusOf = (more: Partial<BridgeStatus> = {}): BridgeStatus => ({
  state: 'caught-up',
  detail: 'everything is delivered',
  lagRecords: 0,
  oldestUnsentMs: null,
  openErrors: 0,
  lanes: [{ lane: 'topics', streams: [stream()] }],
  ...more,
})

function answer(status: Partial<BridgeStatus>, more: Partial<BridgeAnswer> = {}): BridgeAnswer {
  return {
    place: { mode: 'emulator', projectId: 'slipway-local', dataset: 'slipway' },
    word: { is: 'there', status: statusOf(status), retries: [] },
    parts: {},
    ...more,
  }
}

describe('the sentence', () => {
  test.each([
    [{}, 'ok', 'Mirroring to the stand-ins. Up to date. 0 refused.'],
    [
      { state: 'running', lagRecords: 30, oldestUnsentMs: 3000 },
      'ok',
      'Mirroring to the stand-ins. 3.0 s behind. 0 refused.',
    ],
    [
      { state: 'running', lagRecords: 9000, oldestUnsentMs: 7_200_000 },
      'plain',
      'Mirroring to the stand-ins. 2 h behind, 9,000 to go. 0 refused.',
    ],
    [{ openErrors: 2 }, 'warn', 'Mirroring to the stand-ins. Up to date. 2 refused.'],
    [
      { state: 'waiting', detail: 'carts_log waits: no answer', lagRecords: 4 },
      'warn',
      'Part of it waits. 4 to go. 0 refused.',
    ],
    [{ state: 'stopped', detail: 'why' }, 'bad', 'Part of it is stopped. Up to date. 0 refused.'],
  ] as const)('of %o', (status, tone, says) => {
    expect(standingOf(answer(status))).toMatchObject({ tone, says })
  })

  test('names the project at Google', () => {
    const place = { mode: 'google', projectId: 'shop-staging', dataset: 'slipway' } as const
    expect(standingOf(answer({}, { place })).says).toMatch(/^Mirroring to the project shop-staging/)
  })

  test('says what to do where there is no bridge, none that answers, and a stand-in that is gone', () => {
    const off = standingOf(answer({}, { word: { is: 'off' } }))
    expect(off).toMatchObject({ tone: 'plain', next: expect.stringContaining('--cloud emulator') })
    const word = { is: 'away', detail: 'refused', sinceMs: 0 } as const
    const away = standingOf(answer({}, { word }))
    expect(away).toMatchObject({ tone: 'bad', next: expect.stringContaining('logs/bridge.log') })
    const parts = { pubsub: { state: 'away', since: '', detail: '' } } as const
    expect(standingOf(answer({}, { parts })).says).toMatch(/^The stand-in of Pub\/Sub does not/)
  })
})

test('a rate is what was sent between two looks; a bridge that begins anew has none until the next', () => {
  const rates = new Rates()
  const sent = (count: number) =>
    statusOf({
      lanes: [
        { lane: 'topics', streams: [stream({ counts: { ...stream().counts, sent: count } })] },
      ],
    })
  const name = 'topics user-sessions-0'
  expect(rates.see(sent(100), 0).get(name)).toBeUndefined()
  expect(rates.see(sent(160), 2000).get(name)).toBe(30)
  expect(rates.see(sent(160), 4000).get(name)).toBe(15)
  expect(rates.see(sent(3), 6000).get(name)).toBeUndefined()
  expect(rates.see(sent(9), 40_000).get(name)).toBeUndefined()
})

test('streams in trouble come first', () => {
  const streams = [stream({ stream: 'a' }), stream({ stream: 'b', state: 'waiting' })]
  const all = [...streams, stream({ stream: 'c', state: 'stopped' })]
  expect(inOrder(all).map((each) => each.stream)).toEqual(['c', 'b', 'a'])
})

test('a lane tells what it has sent, and what it had to send again by class', () => {
  const lane = {
    lane: 'topics',
    streams: [stream({ counts: { sent: 1200, retries: 3, errors: 0, dedupHits: 0 } })],
  }
  expect(lifeWords(lane, 'message', [{ code: 'UNAVAILABLE', requests: 3 }])).toBe(
    '1,200 messages since the bridge started · 3 requests sent again: 3 UNAVAILABLE',
  )
})

test('parity is one sentence: equal, behind by so many rows, or which tables differ', () => {
  const says = (...tables: TableAgreement[]) =>
    parityStanding({ is: 'compared', epoch: 1, asOfSeq: 1234, at: '', tables })
  const carts = { table: 'carts_log', history: 10, bigquery: 10, agreement: 'equal' } as const
  const events = { table: 'events_log', history: 5, bigquery: 3, agreement: 'behind' } as const
  expect(says(carts)).toMatchObject({
    tone: 'ok',
    says: 'Equal: 10 rows on both sides, as of _seq 1,234.',
  })
  expect(says(carts, events).says).toBe('BigQuery is 2 rows behind, as of _seq 1,234.')
  expect(says(events, { ...carts, bigquery: 11, agreement: 'differs' })).toMatchObject({
    tone: 'bad',
    says: 'Row counts differ in carts_log, as of _seq 1,234.',
    next: expect.stringContaining('bridge verify'),
  })
})
