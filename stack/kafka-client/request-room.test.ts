// The memory of a producer's requests: what holds, and what is written over.

import { expect, test } from 'vitest'
import { RequestRoom } from './request-room.ts'

test('what was taken for one request holds while more is taken for it, also where the room grows', () => {
  const room = new RequestRoom(1000)
  const pieces = [10, 5, 30, 20].map((bytes, i) => room.take(bytes).fill(i))
  expect(pieces.map((piece) => piece.length)).toEqual([10, 5, 30, 20])
  for (const [i, piece] of pieces.entries()) expect(new Set(piece)).toEqual(new Set([i]))
})

test('the next request lies in the same memory', () => {
  const room = new RequestRoom(1000)
  room.take(900)
  room.clear()
  const before = room.take(100)
  room.clear()
  expect(room.take(100).buffer).toBe(before.buffer)
})

test('what does not fit is given memory of its own', () => {
  const room = new RequestRoom(1000)
  const first = room.take(600).fill(1)
  expect(room.take(600).fill(2).buffer).not.toBe(first.buffer)
  expect(new Set(first)).toEqual(new Set([1]))
})
