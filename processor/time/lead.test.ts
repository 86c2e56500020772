// When stage one waits for the hop.

import { expect, test } from 'vitest'
import { Lead } from './lead.ts'

test('stage one is held above the bound and goes on below half of it', () => {
  const lead = new Lead(100)
  lead.follow(true)
  lead.wrote(1, 60)
  lead.wrote(2, 40)
  expect(lead.isTooFar).toBe(false)
  lead.wrote(3, 20)
  expect(lead.isTooFar).toBe(true)
  lead.caughtUp(1)
  expect(lead.isTooFar).toBe(true)
  lead.caughtUp(2)
  expect(lead.isTooFar).toBe(false)
})

test('a cut that is repeated counts once', () => {
  const lead = new Lead(100)
  lead.follow(true)
  for (let i = 0; i < 3; i++) lead.wrote(1, 60)
  expect(lead.isTooFar).toBe(false)
})

test('nobody is held for a hop that another process reads', () => {
  const lead = new Lead(100)
  lead.wrote(1, 200)
  expect(lead.isTooFar).toBe(false)
  lead.follow(true)
  lead.wrote(2, 200)
  lead.follow(false)
  lead.wrote(3, 200)
  expect(lead.isTooFar).toBe(false)
})
