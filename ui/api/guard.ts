// What stands before every route: an allow-list of Host names (a web page must not reach a local server by DNS
// rebinding), a same-origin rule for what changes state or streams, and headers. HSTS stays off: this is plain HTTP
// on the machine's own address.

import type { Context, MiddlewareHandler } from 'hono'
import { secureHeaders } from 'hono/secure-headers'

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/** Exact names; any port, since forwarding changes it. A Host that is none is answered 400, never an exception. */
export function hostAllowList(extraNames: readonly string[]): MiddlewareHandler {
  const allowed = new Set([...loopbackNames, ...extraNames.map((name) => name.toLowerCase())])
  return async (c, next) => {
    const name = hostName(c.req.header('host'))
    if (name === undefined || !allowed.has(name)) {
      return c.text('This server answers only to its own name.\n', 400)
    }
    await next()
  }
}

/** `example.org:4400` → `example.org`; undefined for what is no host. */
export function hostName(host: string | undefined): string | undefined {
  return /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/.exec(host ?? '')?.[1]?.toLowerCase()
}

/** Requests that change something or stay open come from our own pages, or from no page at all. */
export const sameOrigin: MiddlewareHandler = async (c, next) => {
  const site = c.req.header('sec-fetch-site')
  const origin = c.req.header('origin')
  const foreign =
    (site !== undefined && site !== 'same-origin' && site !== 'none') ||
    (origin !== undefined && !isOwnOrigin(c, origin))
  if (foreign) return c.json({ error: 'another site may not ask for this' }, 403)
  if (c.req.method !== 'GET' && !isJson(c)) {
    return c.json({ error: 'send application/json' }, 415)
  }
  await next()
}

function isOwnOrigin(c: Context, origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === c.req.header('host')
}

function isJson(c: Context): boolean {
  return c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase() === 'application/json'
}

export const headers: MiddlewareHandler = secureHeaders({
  strictTransportSecurity: false,
  referrerPolicy: 'no-referrer',
  crossOriginOpenerPolicy: 'same-origin',
  crossOriginResourcePolicy: 'same-origin',
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:', 'blob:'],
    connectSrc: ["'self'"],
    fontSrc: ["'self'"],
    workerSrc: ["'self'"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
})
