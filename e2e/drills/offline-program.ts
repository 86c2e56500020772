// Runs inside the namespace of offline.test.ts: one event from the collector to history, said as JSON.

import { networkInterfaces } from 'node:os'
import { startStack } from '../fixtures/stack.ts'

await using stack = await startStack()
const event = {
  eventId: 'offline-1',
  name: 'page_view',
  eventTime: new Date().toISOString(),
  anonymousId: 'a',
  source: 'web',
  data: {},
}
await stack.post('shop', '/v1/events', event)
await stack.settle()
const rows = await stack.rows<{ event_id: string }>('events')
const said = {
  interfaces: Object.keys(networkInterfaces()),
  rows: rows.map((row) => row.event_id),
}
process.stdout.write(JSON.stringify(said))
