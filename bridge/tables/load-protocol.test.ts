import { describe, expect, test } from 'vitest'
import { afterAskingForLoad, jobIdOf, loadId, loadVerdict } from './load-protocol.ts'
import type { JobAnswer } from './load-protocol.ts'

const load = { id: 'lb_a', retry: 0, rows: 5, seqFrom: 101, seqTo: 107, atMs: 0 }
const failed = (reason: string, ...messages: string[]): JobAnswer => ({
  kind: 'failed',
  reason,
  messages,
})

test('an id says table and range, and differs with the bytes; a further try adds its number', () => {
  const id = loadId('carts_log', load, '0123456789abcdef')
  expect(id).toBe('lb_carts_log_101_107_01234567')
  expect([0, 1, 12].map((retry) => jobIdOf({ id, retry }))).toEqual([id, `${id}_r1`, `${id}_r12`])
})

describe('a job', () => {
  test('that is done with the rows that were meant has loaded them', () => {
    expect(loadVerdict(load, { kind: 'done', rows: 5 })).toEqual({ verdict: 'loaded' })
  })
  test.each([0, 4, 6, null])(
    'that is done with %s rows is not believed: the table is asked',
    (rows) => {
      expect(loadVerdict(load, { kind: 'done', rows })).toEqual({ verdict: 'ask the table' })
    },
  )
  test('that runs is waited for', () => {
    expect(loadVerdict(load, { kind: 'running' })).toEqual({ verdict: 'wait' })
  })
  test('that is not there is inserted under the same id', () => {
    expect(loadVerdict(load, { kind: 'absent' })).toMatchObject({ verdict: 'insert' })
  })
  test.each(['backendError', 'internalError', 'quotaExceeded', 'stopped', 'notFound'])(
    'that failed for %s is inserted under the next id',
    (reason) => {
      expect(loadVerdict(load, failed(reason, 'why'))).toEqual({
        verdict: 'anew',
        reason: `why (${reason})`,
      })
    },
  )
  test('that failed for its rows names them, each once', () => {
    const at = (position: number, what: string) =>
      `Error while reading data, error message: JSON parsing error in row starting at position ${position}: ${what}`
    const answer = failed('invalid', 'too many errors', at(0, 'no'), at(0, 'no'), at(311, 'never'))
    expect(loadVerdict(load, answer)).toEqual({
      verdict: 'refused',
      reason: 'too many errors (invalid)',
      rows: [
        { position: 0, message: 'no' },
        { position: 311, message: 'never' },
      ],
    })
    expect(loadVerdict(load, failed('invalid', 'a row is bad'))).toMatchObject({ rows: [] })
  })
})

test('the table tells what became of a load whose rows were counted otherwise', () => {
  expect(afterAskingForLoad(load, { rows: 5, maxSeq: 107 })).toEqual([{ fact: 'loaded' }])
  expect(afterAskingForLoad(load, { rows: 0, maxSeq: null })).toEqual([{ fact: 'not-loaded' }])
  expect(afterAskingForLoad(load, { rows: 3, maxSeq: 105 })).toHaveProperty('alarm')
})
