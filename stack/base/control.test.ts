// Health, metrics and the movable clock, over HTTP.

import { describe, expect, test } from 'vitest'
import { DomainClock, ManualClock } from './clock.ts'
import { startControl } from './control.ts'
import type { ControlledPart } from './control.ts'
import { InTheWayError } from './errors.ts'
import { Metrics } from './metrics.ts'

function part(over: Partial<ControlledPart> = {}): ControlledPart {
  const metrics = new Metrics()
  metrics.counter('slipway_test_events_total', 'events').add(3, { topic: 'a' })
  return {
    name: 'test',
    metrics,
    domainClock: new DomainClock(new ManualClock(0)),
    testControl: false,
    readiness: () => true,
    status: () => ({ positions: 1 }),
    ...over,
  }
}

async function serve(controlled: ControlledPart) {
  const server = await startControl(controlled, '127.0.0.1', 0)
  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, init)
    return { status: response.status, text: await response.text() }
  }
  return { call, port: server.port, [Symbol.asyncDispose]: () => server.close() }
}

describe('control', () => {
  test('says what a part waits for, then that it is ready', async () => {
    let state: true | string = 'the broker does not answer'
    await using server = await serve(part({ readiness: () => state }))
    expect(await server.call('/readyz')).toMatchObject({ status: 503 })
    state = true
    expect((await server.call('/readyz')).status).toBe(200)
    expect((await server.call('/metrics')).text).toContain('slipway_test_events_total{topic="a"} 3')
  })

  test('moves the domain clock with test control, and has no such route without', async () => {
    const body = JSON.stringify({ now: '2024-05-06T10:00:00.000Z' })
    await using closed = await serve(part())
    expect((await closed.call('/control/clock', { method: 'POST', body })).status).toBe(404)
    const domainClock = new DomainClock(new ManualClock(0))
    await using open = await serve(part({ testControl: true, domainClock }))
    expect((await open.call('/control/clock', { method: 'POST', body })).status).toBe(200)
    expect(new Date(domainClock.now()).toISOString()).toBe('2024-05-06T10:00:00.000Z')
    expect((await open.call('/control/clock', { method: 'POST', body: '{}' })).status).toBe(400)
  })

  test('a taken port is named with its holder', async () => {
    await using server = await serve(part())
    const second = startControl(part(), '127.0.0.1', server.port)
    await expect(second).rejects.toThrow(InTheWayError)
    await expect(second).rejects.toThrow(`port ${server.port} is taken`)
  })
})
