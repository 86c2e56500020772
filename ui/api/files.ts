// The built page: hashed assets for ever, the entry page afresh, the smaller of brotli and gzip where the build wrote
// them. Every path that is a page of the dashboard is answered with the entry page.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join, relative, sep } from 'node:path'
import type { MiddlewareHandler } from 'hono'

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

interface StaticFile {
  type: string
  cacheControl: string
  /** By encoding; identity is always there. */
  bodies: Map<string, Uint8Array<ArrayBuffer>>
}

/** All files are read once: a megabyte in memory, and no path from outside ever reaches the file system. */
export function pageFiles(root: string, pages: readonly string[]): MiddlewareHandler {
  const files = readFiles(root)
  const entry = files.get('/index.html')
  return async (c, next) => {
    const path = c.req.path
    const isPage =
      path === '/' || pages.some((page) => path === page || path.startsWith(`${page}/`))
    const file = isPage ? entry : files.get(path)
    if (!file || (c.req.method !== 'GET' && c.req.method !== 'HEAD')) {
      if (isPage && !entry) return c.text('The page is not built: run npm run prepare.\n', 503)
      await next()
      return
    }
    const encoding = chosen(file, c.req.header('accept-encoding') ?? '')
    c.header('Content-Type', file.type)
    c.header('Cache-Control', file.cacheControl)
    c.header('Vary', 'Accept-Encoding')
    if (encoding !== 'identity') c.header('Content-Encoding', encoding)
    return c.body(file.bodies.get(encoding) as Uint8Array<ArrayBuffer>)
  }
}

function chosen(file: StaticFile, accepted: string): string {
  const names = accepted.split(',').map((part) => part.split(';')[0]?.trim())
  return ['br', 'gzip'].find((name) => names.includes(name) && file.bodies.has(name)) ?? 'identity'
}

function readFiles(root: string): Map<string, StaticFile> {
  const files = new Map<string, StaticFile>()
  for (const path of paths(root)) {
    const extension = extname(path)
    if (extension === '.br' || extension === '.gz') continue
    const name = `/${relative(root, path).split(sep).join('/')}`
    const bodies = new Map([['identity', read(path)]])
    for (const [encoding, suffix] of [['br', '.br'] as const, ['gzip', '.gz'] as const]) {
      if (statSync(path + suffix, { throwIfNoEntry: false }))
        bodies.set(encoding, read(path + suffix))
    }
    files.set(name, {
      type: types[extension] ?? 'application/octet-stream',
      cacheControl: name.startsWith('/assets/')
        ? 'public, max-age=31536000, immutable'
        : 'no-cache',
      bodies,
    })
  }
  return files
}

function read(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(path))
}

function paths(root: string): string[] {
  if (!statSync(root, { throwIfNoEntry: false })) return []
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
