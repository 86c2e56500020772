// Who may speak to the shop's port. Programs may; a browser may only for a page that we know: its Host must be one of
// ours (or DNS rebinding would make any site ours), its Origin ours, a loopback one, or one that was configured.
// Nothing here may throw: a guard that falls over is the hole.

export interface GuardOptions {
  /** `name` (any port) or `name:port`, beside the loopback names at our own port. */
  allowedHosts: readonly string[]
  /** Origins of shops that post from a browser: `https://shop.example`. */
  allowedOrigins: readonly string[]
}

export interface Visit {
  method: string
  header(name: string): string | undefined
  port: number
}

export type Verdict = { ok: true; corsOrigin: string | undefined } | { ok: false; why: string }

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']
const hostPattern = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/

export function judgeVisit(visit: Visit, options: GuardOptions): Verdict {
  const isBrowser = isFromBrowser(visit)
  const isPage = visit.method === 'GET' || visit.method === 'HEAD'
  if ((isBrowser || isPage) && !isKnownHost(visit, options.allowedHosts)) {
    return { ok: false, why: 'this host name is not served here' }
  }
  const origin = visit.header('origin')
  if (origin !== undefined) {
    return isKnownOrigin(origin, visit, options.allowedOrigins)
      ? { ok: true, corsOrigin: origin }
      : { ok: false, why: 'this origin may not send events here' }
  }
  // An image or a form of another site carries no Origin, but browsers say where it comes from. A link that a person
  // follows is a navigation, which sends nothing anywhere.
  const isNavigation = visit.header('sec-fetch-mode') === 'navigate' && isPage
  if (visit.header('sec-fetch-site') === 'cross-site' && !isNavigation) {
    return { ok: false, why: 'another site may not send events here' }
  }
  return { ok: true, corsOrigin: undefined }
}

/** Only browsers send these, and scripts cannot leave them out. */
export function isFromBrowser(visit: Visit): boolean {
  return visit.header('origin') !== undefined || visit.header('sec-fetch-site') !== undefined
}

function isKnownHost(visit: Visit, allowed: readonly string[]): boolean {
  const host = visit.header('host')?.toLowerCase() ?? ''
  const [, name, port = '80'] = hostPattern.exec(host) ?? []
  if (name === undefined) return false
  if (loopbackNames.includes(name) && port === String(visit.port)) return true
  return allowed.includes(name) || allowed.includes(host)
}

function isKnownOrigin(origin: string, visit: Visit, allowed: readonly string[]): boolean {
  const url = URL.parse(origin)
  // `null` is what sandboxed frames and files call themselves.
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  if (allowed.includes(url.origin) || url.host === visit.header('host')) return true
  return loopbackNames.includes(url.hostname)
}
