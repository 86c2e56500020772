import { expect, test } from 'vitest'
import { InputLedger } from './input-ledger.ts'

const only = (ledger: InputLedger) => ledger.snapshot()[0]

test('an offset is taken once, whichever topic brings it', () => {
  const ledger = new InputLedger()
  expect(ledger.take(0, 0, 'enriched')).toBe(true)
  expect(ledger.take(0, 0, 'enriched')).toBe(false)
  expect(ledger.take(0, 0, 'rejected')).toBe(false)
  expect(only(ledger)).toMatchObject({ enriched: 1, rejected: 0, completeTo: 1 })
})

test('what is complete ends at the first offset that is missing', () => {
  const ledger = new InputLedger()
  for (const offset of [0, 1, 3, 4]) ledger.take(0, offset, 'enriched')
  expect(only(ledger)?.completeTo).toBe(2)
  ledger.take(0, 2, 'duplicate')
  expect(only(ledger)).toMatchObject({ completeTo: 5, enriched: 4, duplicate: 1 })
})

test('offsets that the broker no longer has are not waited for', () => {
  const ledger = new InputLedger()
  ledger.startAt(0, 100)
  ledger.take(0, 100, 'enriched')
  expect(only(ledger)?.completeTo).toBe(101)
  ledger.startAt(0, 200)
  expect(only(ledger)?.completeTo).toBe(101)
})

test('what was restored goes on where it was', () => {
  const ledger = new InputLedger()
  const counts = { enriched: 3, rejected: 0, duplicate: 0, loadEnd: 0, late: 0, maxEventMs: 5 }
  ledger.restore({ partition: 2, completeTo: 2, ...counts }, [3])
  expect(ledger.take(2, 3, 'enriched')).toBe(false)
  ledger.take(2, 2, 'loadEnd')
  expect(only(ledger)).toMatchObject({ partition: 2, completeTo: 4, enriched: 3, loadEnd: 1 })
})
