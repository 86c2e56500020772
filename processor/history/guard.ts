// What stands before every route: history answers only to its own name (a web page must not reach it by DNS rebinding)
// and takes orders from no other origin.

import type { MiddlewareHandler } from 'hono'

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

export function hostAndOrigin(extraNames: readonly string[]): MiddlewareHandler {
  const allowed = new Set([...loopbackNames, ...extraNames.map((name) => name.toLowerCase())])
  const isOwn = (authority: string | undefined) => allowed.has(nameOf(authority) ?? '')
  return async (c, next) => {
    if (!isOwn(c.req.header('host'))) {
      return c.json({ error: 'this server answers only to its own name' }, 400)
    }
    const origin = c.req.header('origin')
    const isForeign = origin !== undefined && !isOwn(origin.replace(/^https?:\/\//, ''))
    const isCrossSite = c.req.header('sec-fetch-site') === 'cross-site'
    if (isForeign || isCrossSite) return c.json({ error: 'asked from another origin' }, 403)
    c.header('x-content-type-options', 'nosniff')
    await next()
  }
}

/** Without the port, which forwarding changes; undefined for what is no authority. */
function nameOf(authority: string | undefined): string | undefined {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i.exec(authority ?? '')?.[1]?.toLowerCase()
}
