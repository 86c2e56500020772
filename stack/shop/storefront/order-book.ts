// Orders placed in the storefront, for the confirmation and the account page: one JSON line each, appended and synced
// before the shopper is told. The newest ten thousand are kept in memory.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { EventData } from '#stack/contract/events.ts'

export interface Order {
  orderId: string
  placedAt: string
  anonymousId: string
  account: string | undefined
  cartId: string
  /** The purchase event's data, reported by the confirmation page. */
  data: EventData
}

export interface OrderBook {
  place(order: Order): void
  order(orderId: string): Order | undefined
  /** Newest first. */
  ordersOf(person: { anonymousId: string; account: string | undefined }): Order[]
  close(): void
}

const keptOrders = 10_000

/** Without a folder nothing is kept beyond this process. */
export function openOrderBook(dataDir: string | undefined): OrderBook {
  const orders = new Map<string, Order>()
  const file = dataDir === undefined ? undefined : openFile(dataDir, orders)
  return {
    place(order) {
      if (file !== undefined) {
        writeSync(file, `${JSON.stringify(order)}\n`)
        fsyncSync(file)
      }
      keep(orders, order)
    },
    order: (orderId) => orders.get(orderId),
    ordersOf: ({ anonymousId, account }) =>
      [...orders.values()]
        .filter((order) =>
          account === undefined ? order.anonymousId === anonymousId : order.account === account,
        )
        .reverse(),
    close: () => {
      if (file !== undefined) closeSync(file)
    },
  }
}

function openFile(dataDir: string, orders: Map<string, Order>): number {
  mkdirSync(dataDir, { recursive: true })
  const path = join(dataDir, 'orders.ndjson')
  for (const order of readOrders(path)) keep(orders, order)
  return openSync(path, 'a')
}

function keep(orders: Map<string, Order>, order: Order): void {
  orders.set(order.orderId, order)
  const oldest = orders.keys().next().value
  if (orders.size > keptOrders && oldest !== undefined) orders.delete(oldest)
}

/** A line that was cut by a crash was never confirmed to anybody. */
function readOrders(path: string): Order[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  return text.split('\n').flatMap((line) => {
    try {
      return line === '' ? [] : [JSON.parse(line) as Order]
    } catch {
      return []
    }
  })
}
