// What a month at Google would cost, from what went through the topics in the last day and the list prices in prices.json.
// An estimate and shown as one: it knows of no agreements, and what is queried it cannot know. Pure.

import { GiB } from '#stack/base/units.ts'
import type { Ordering, TablesWay } from '../options.ts'
import prices from './prices.json' with { type: 'json' }

export interface Volume {
  topic: string
  messagesPerDay: number
  /** Of messages as they are sent, attributes among them. */
  bytesPerDay: number
  /** Of records as they lie in Kafka. */
  valueBytesPerDay: number
}

/** How things go there, which the price depends on. */
export interface Ways {
  ordering: Ordering
  tablesBy: TablesWay
}

export interface CostLine {
  what: string
  gibPerMonth: number
  usdPerMonth: number
  note: string
}

export const pricesAsOf = prices.asOf
const TiB = 1024 * GiB
const daysPerMonth = 30

export function estimate(volumes: readonly Volume[], { ordering, tablesBy }: Ways): CostLine[] {
  const { publish, deliver, storageWrite, tableStorage } = prices
  const billed = monthly(volumes.map((volume) => billedBytes(volume, ordering)))
  const sent = monthly(volumes.map(({ bytesPerDay }) => bytesPerDay))
  const rows = monthly(volumes.map(({ valueBytesPerDay }) => valueBytesPerDay))
  const perGiB = (usdPerTiB: number) => (usdPerTiB * GiB) / TiB
  return [
    line('Pub/Sub, publishing', billed, perGiB(publish.usdPerTiB), publish.freeGiBPerMonth, {
      note:
        ordering === 'key'
          ? `a request counts ${publish.leastBytesPerRequest} bytes at least, and may hold one key only`
          : 'many messages a request',
    }),
    line('Pub/Sub, each subscription', sent, perGiB(deliver.usdPerTiB), 0, {
      note: 'the dashboard has one while its cloud page is open',
    }),
    tablesBy === 'load'
      ? line('BigQuery, load jobs', rows, 0, 0, { note: 'they are not billed' })
      : line(
          'BigQuery, Storage Write',
          rows,
          storageWrite.usdPerGiB,
          storageWrite.freeGiBPerMonth,
          {
            note: 'rows taken to be as large as the records they come from',
          },
        ),
    line('BigQuery, storage', rows, tableStorage.usdPerGiBMonth, tableStorage.freeGiB, {
      note: 'of what one month adds',
    }),
  ]
}

function line(
  what: string,
  bytes: number,
  usdPerGiB: number,
  freeGiB: number,
  { note }: { note: string },
): CostLine {
  const gibPerMonth = bytes / GiB
  return { what, gibPerMonth, usdPerMonth: Math.max(0, gibPerMonth - freeGiB) * usdPerGiB, note }
}

/** By key most requests hold one message. */
function billedBytes({ messagesPerDay, bytesPerDay }: Volume, ordering: Ordering): number {
  if (ordering !== 'key') return bytesPerDay
  return Math.max(bytesPerDay, messagesPerDay * prices.publish.leastBytesPerRequest)
}

function monthly(perDay: readonly number[]): number {
  return perDay.reduce((sum, bytes) => sum + bytes, 0) * daysPerMonth
}
