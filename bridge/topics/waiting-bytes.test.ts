import { expect, test } from 'vitest'
import { WaitingBytes } from './waiting-bytes.ts'

const opened = () => new WaitingBytes({ bytesMax: 1600, partitions: 4 })

test('one partition may have all but what the others have by right', () => {
  const waiting = opened()
  waiting.add(1300)
  expect(waiting.isFull(1300)).toBe(false)
  waiting.add(1)
  expect(waiting.isFull(1301)).toBe(true)
  expect(waiting.hasRoom(1301)).toBe(false)
  waiting.add(-200)
  expect(waiting.hasRoom(1101)).toBe(true)
})

test('whoever has not its own share is held up by nobody, so all together stay within the bound', () => {
  const waiting = opened()
  waiting.add(1500)
  expect(waiting.isFull(100)).toBe(false)
  expect(waiting.isFull(101)).toBe(true)
  expect(waiting.hasRoom(88)).toBe(false)
  expect(waiting.hasRoom(87)).toBe(true)
})
