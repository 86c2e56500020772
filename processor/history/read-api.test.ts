// What the read API says when a question fails.

import { expect, test } from 'vitest'
import { silentLogger } from '#stack/base/logger.ts'
import { createReadApi } from './read-api.ts'
import type { ReadApiOptions } from './read-api.ts'

test('a question that finds no memory is to be asked again', async () => {
  const service = {
    get history(): never {
      throw new Error('Out of Memory Error: could not allocate block of size 256.0 KiB')
    },
    watermarkMs: () => null,
  }
  // No more of the service is asked for.
  const api = createReadApi({
    service: service as unknown as ReadApiOptions['service'],
    logger: silentLogger,
    hostNames: [],
  } as unknown as ReadApiOptions)
  const answer = await api.request('/v1/metrics/orders', { headers: { host: '127.0.0.1' } })
  expect(answer.status).toBe(503)
  expect(await answer.json()).toMatchObject({ hint: expect.stringContaining('again') })
})
