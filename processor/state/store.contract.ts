// What every store of states must do, whatever it keeps them in.

import { expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import type { StateStore } from './store.ts'

export function storeContract(create: () => StateStore): void {
  test('a key has the value that was set last, and none after it was deleted', () => {
    const store = create()
    expect(store.get('a:A')).toBeUndefined()
    store.set('a:A', Buffer.from('one'))
    store.set('a:A', Buffer.from('another'))
    expect(store.get('a:A')?.toString()).toBe('another')
    expect(store.size).toBe(1)
    store.delete('a:A')
    expect(store.get('a:A')).toBeUndefined()
    expect(store.slotOf('a:A')).toBe(-1)
    expect(store.size).toBe(0)
  })

  test('keys of any script and values of any size are kept as they are, an empty one too', () => {
    const store = create()
    const large = Buffer.alloc(3_000_000, 'x')
    const long = '€'.repeat(1000)
    store.set('', Buffer.alloc(0))
    store.set('ключ', large)
    store.set(long, Buffer.from('long'))
    expect(store.get('')).toEqual(Buffer.alloc(0))
    expect(store.get('ключ')?.equals(large)).toBe(true)
    expect(store.keyAt(store.slotOf(long))).toBe(long)
  })

  test('a key keeps its slot as long as it has a state', () => {
    const store = create()
    const slot = store.set('a', Buffer.from('1'))
    for (let i = 0; i < 1000; i++) store.set(`k${i}`, Buffer.alloc(2000))
    for (let i = 0; i < 1000; i++) store.delete(`k${i}`)
    expect(store.set('a', Buffer.from('2'))).toBe(slot)
    expect(store.keyAt(slot)).toBe('a')
  })

  test('after any number of changes it holds what a plain map would', () => {
    const random = new Random('store')
    const store = create()
    const plain = new Map<string, Buffer>()
    for (let i = 0; i < 60_000; i++) {
      const key = `visitor-${random.int(3000)}`
      if (random.chance(0.2)) {
        store.delete(key)
        plain.delete(key)
        continue
      }
      const value = Buffer.alloc(random.int(3000), `${i},`)
      store.set(key, value)
      plain.set(key, value)
    }
    expect(store.size).toBe(plain.size)
    const wrong = [...plain].filter(([key, value]) => store.get(key)?.equals(value) !== true)
    expect(wrong).toEqual([])
    const slots = new Set([...plain.keys()].map((key) => store.slotOf(key)))
    expect(slots.size).toBe(plain.size)
    expect([...plain.keys()].every((key) => store.keyAt(store.slotOf(key)) === key)).toBe(true)
  })
}
