// The store in memory.

import { describe } from 'vitest'
import { storeContract } from './store.contract.ts'
import { MemoryStore } from './store.ts'

describe('the store in memory', () => {
  storeContract(() => new MemoryStore())
})
