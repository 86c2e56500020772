// What the Bridge page asks: the bridge's own word, what it could not deliver (from history), and how many rows both
// sides have. Three questions, so that one that has no answer leaves the others standing.

import { Hono } from 'hono'
import { messageOf, OperatingError } from '../../stack/base/errors.ts'
import type { Clock } from '../../stack/base/clock.ts'
import { BridgeErrorLog } from './bridge/errors.ts'
import type { BridgeErrors } from './bridge/errors.ts'
import { ParityCheck } from './bridge/parity.ts'
import type { Parity } from './bridge/parity.ts'
import type { BridgeSource, BridgeWord } from './bridge/status.ts'
import type { Cloud, CloudPlace } from './cloud.ts'
import type { PartHealth, Parts } from './parts.ts'

export interface BridgeRoutesOptions {
  clock: Clock
  historyUrl: string
  cloud: Cloud
  bridge: BridgeSource
  parts: Parts
}

export interface BridgeAnswer {
  place: CloudPlace
  word: BridgeWord
  /** What it stands between: history, the broker, and the stand-ins where there are any. */
  parts: Record<string, PartHealth>
}

const around = ['broker', 'history', 'pubsub', 'bigquery']

export function bridgeRoutes({ bridge, parts, ...options }: BridgeRoutesOptions) {
  const errors = new BridgeErrorLog(options)
  const parity = new ParityCheck(options)
  const { place } = options.cloud
  return new Hono()
    .use(async (c, next) => {
      c.header('Cache-Control', 'no-store')
      await next()
    })
    .get('/', async (c) => {
      const [word, health] = await Promise.all([bridge.ask(), parts.health()])
      const near = Object.entries(health).filter(([name]) => around.includes(name))
      return c.json<BridgeAnswer>({ place, word, parts: Object.fromEntries(near) })
    })
    .get('/errors', async (c) => {
      try {
        return c.json<BridgeErrors>(await errors.answer())
      } catch (error) {
        const detail = error instanceof OperatingError ? error.where : undefined
        const hint = 'What the bridge could not deliver is kept; it is shown when history is back.'
        return c.json({ error: messageOf(error), detail, hint }, 502)
      }
    })
    .get('/parity', (c) => c.json<Parity>(parity.answer()))
}
