// How many states stay decoded, and what becomes of the others.

import { expect, test } from 'vitest'
import { States } from './states.ts'
import { MemoryStore } from './store.ts'

interface Counter {
  count: number
}

function statesOf(decodedMax: number) {
  const decoded: string[] = []
  const codec = {
    encode: (state: Counter) => Buffer.from([state.count]),
    decode: (key: string, bytes: Buffer): Counter => {
      decoded.push(key)
      return { count: bytes[0] as number }
    },
  }
  const states = new States(new MemoryStore(), codec, decodedMax)
  const keepAll = (...keys: string[]): void => {
    for (const key of keys) states.keep(key, states.get(key) ?? states.add(key, { count: 0 }))
  }
  return { states, decoded, keepAll }
}

test('at the bound the states decoded longest ago go, and come back from their bytes', () => {
  const { states, decoded, keepAll } = statesOf(2)
  keepAll('a', 'b', 'c', 'd')
  states.settle()
  for (const key of ['c', 'd']) expect(states.get(key)).toEqual({ count: 0 })
  expect(decoded).toEqual([])
  for (const key of ['a', 'b']) expect(states.get(key)).toEqual({ count: 0 })
  expect(decoded).toEqual(['a', 'b'])
  expect(states.size).toBe(4)
})

test('none goes before the cut, however many are worked on, so that what was changed is kept', () => {
  const { states, decoded, keepAll } = statesOf(1)
  keepAll('a', 'b', 'c')
  for (const key of ['a', 'b', 'c', 'd']) {
    const state = states.get(key) ?? states.add(key, { count: 0 })
    state.count++
  }
  for (const key of ['a', 'b', 'c', 'd']) expect(states.get(key)).toEqual({ count: 1 })
  expect(decoded).toEqual([])
  keepAll('a', 'b', 'c', 'd')
  states.settle()
  for (const key of ['a', 'b', 'c', 'd']) expect(states.get(key)).toEqual({ count: 1 })
  expect(decoded).toEqual(['a', 'b', 'c'])
})

test('a state that was dropped is gone, decoded or not', () => {
  const { states, keepAll } = statesOf(1)
  keepAll('a', 'b')
  states.settle()
  for (const key of ['a', 'b']) states.drop(key)
  expect([states.get('a'), states.get('b'), states.size]).toEqual([undefined, undefined, 0])
})
