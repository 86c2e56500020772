// Health, metrics and test control of a part, the same on every part: GET /healthz, GET /readyz, GET /metrics,
// GET /status, and with test control POST /control/clock. Parts with an HTTP server of their own mount
// `answerControl`; the broker and the processor serve it on a control port by `startControl`.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { DomainClock } from './clock.ts'
import { messageOf } from './errors.ts'
import type { Metrics } from './metrics.ts'
import { portError } from './ports.ts'

export interface ControlledPart {
  name: string
  metrics: Metrics
  domainClock: DomainClock
  testControl: boolean
  /** Ready, or the sentence that says what is awaited. */
  readiness(): true | string
  /** What the part knows of itself, JSON. */
  status(): unknown
  /** Further POST routes for tests, by name below /control/. */
  actions?: Record<string, (body: unknown) => unknown>
}

export interface ControlAnswer {
  status: number
  contentType: string
  body: string
}

/** The answer, or undefined where the path is none of control's. */
export async function answerControl(
  part: ControlledPart,
  method: string,
  path: string,
  body: string,
): Promise<ControlAnswer | undefined> {
  if (method === 'GET' && path === '/healthz') return json(200, { part: part.name, healthy: true })
  if (method === 'GET' && path === '/readyz') {
    const ready = part.readiness()
    return ready === true ? json(200, { ready }) : json(503, { ready: false, detail: ready })
  }
  if (method === 'GET' && path === '/metrics') {
    return { status: 200, contentType: 'text/plain; version=0.0.4', body: part.metrics.text() }
  }
  if (method === 'GET' && path === '/status') return json(200, await part.status())
  if (method === 'POST' && path.startsWith('/control/') && part.testControl) {
    return runAction(part, path.slice('/control/'.length), body)
  }
  return undefined
}

async function runAction(
  part: ControlledPart,
  action: string,
  body: string,
): Promise<ControlAnswer> {
  const run =
    action === 'clock'
      ? (input: unknown) => moveClock(part.domainClock, input)
      : part.actions?.[action]
  if (!run) return json(404, { error: `${part.name} has no control action "${action}"` })
  try {
    return json(200, await run(body === '' ? {} : JSON.parse(body)))
  } catch (error) {
    return json(400, { error: messageOf(error) })
  }
}

/** `{offsetMs}` is what the dashboard sends to all parts, so that they agree to the millisecond. */
function moveClock(clock: DomainClock, input: unknown): unknown {
  const { now, advanceMs, offsetMs } = input as {
    now?: string | number
    advanceMs?: number
    offsetMs?: number
  }
  if (typeof offsetMs === 'number') clock.setOffset(offsetMs)
  else if (now !== undefined) clock.moveTo(new Date(now).getTime())
  else if (typeof advanceMs === 'number') clock.advance(advanceMs)
  else throw new Error('give one of offsetMs, now, advanceMs')
  return { now: new Date(clock.now()).toISOString(), offsetMs: clock.offsetMs }
}

export interface ControlServer {
  port: number
  close(): Promise<void>
}

export function startControl(
  part: ControlledPart,
  host: string,
  port: number,
): Promise<ControlServer> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const path = new URL(request.url ?? '/', 'http://control').pathname
      const text = Buffer.concat(chunks).toString('utf8')
      void answerControl(part, request.method ?? 'GET', path, text).then((answer) => {
        const { status, contentType, body } =
          answer ?? json(404, { error: `no such route: ${path}` })
        response
          .writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' })
          .end(body)
      })
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portError(error, host, port)))
    server.listen(port, host, () => {
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed())
            server.closeAllConnections()
          }),
      })
    })
  })
}

function json(status: number, value: unknown): ControlAnswer {
  return { status, contentType: 'application/json', body: JSON.stringify(value) }
}
