// What the page asks of the shop: when there was a sale (annotations of charts), and what products are called. A shop
// that does not answer, or does not know annotations, leaves the charts without them.

import { Hono } from 'hono'
import type { Logger } from '../../stack/base/logger.ts'
import { messageOf } from '../../stack/base/errors.ts'
import { secondMs } from '../../stack/base/units.ts'

export interface Annotation {
  kind: string
  from: string
  to: string
  label: string
}

export interface ShopOptions {
  /** Undefined: no shop of ours is known. */
  shopUrl: string | undefined
  productNames: ReadonlyMap<string, string>
  logger: Logger
}

const answerLimitMs = 3 * secondMs

export function shopRoutes({ shopUrl, productNames, logger }: ShopOptions) {
  return new Hono()
    .get('/annotations', async (c) => {
      c.header('Cache-Control', 'no-store')
      const { from = '', to = '' } = c.req.query()
      return c.json<{ annotations: Annotation[] }>({
        annotations: shopUrl === undefined ? [] : await ask(shopUrl, from, to, logger),
      })
    })
    .get('/products', (c) => {
      c.header('Cache-Control', 'private, max-age=300')
      return c.json<{ names: Record<string, string> }>({ names: Object.fromEntries(productNames) })
    })
}

async function ask(
  shopUrl: string,
  from: string,
  to: string,
  logger: Logger,
): Promise<Annotation[]> {
  const params = new URLSearchParams({ from, to })
  try {
    const response = await fetch(`${shopUrl}/v1/annotations?${params.toString()}`, {
      signal: AbortSignal.timeout(answerLimitMs),
    })
    if (!response.ok) return []
    const { annotations } = (await response.json()) as { annotations?: Annotation[] }
    return annotations ?? []
  } catch (error) {
    logger.debug('no annotations', { error: messageOf(error) })
    return []
  }
}
