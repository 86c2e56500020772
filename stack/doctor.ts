// What is in the way, before anything starts: Node, ports and who holds them, memory, disk, the data directory,
// an outside broker, the browser for tests. Each check says what it saw and, where it is not well, what to do.

import { accessSync, constants, existsSync, mkdirSync, statfsSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { totalmem } from 'node:os'
import { GiB, formatBytes } from './base/units.ts'
import { listOf } from './base/common-options.ts'
import { messageOf } from './base/errors.ts'
import type { InTheWayError } from './base/errors.ts'
import { portError } from './base/ports.ts'

export interface Check {
  name: string
  ok: boolean
  detail: string
  hint?: string
}

export interface DoctorOptions {
  dataDir: string
  /** 0 of a part that is not started. */
  ports: Record<string, number>
  brokers: string | undefined
  nodeVersion: string
}

export async function examine(options: DoctorOptions): Promise<Check[]> {
  return [
    nodeCheck(options.nodeVersion),
    memoryCheck(),
    ...dataChecks(options.dataDir),
    ...(await Promise.all(
      Object.entries(options.ports)
        .filter(([, port]) => port !== 0)
        .map(([name, port]) => portCheck(name, port)),
    )),
    ...(options.brokers === undefined ? [] : await brokerChecks(options.brokers)),
    browserCheck(),
  ]
}

/** Throws the first taken port as a named error: better before anything starts than from a child's log. */
export async function portsInTheWay(ports: Record<string, number>): Promise<void> {
  for (const port of Object.values(ports)) {
    if (port === 0) continue
    const error = await tryListen(port)
    if (error !== undefined) throw error
  }
}

function nodeCheck(version: string): Check {
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number)
  const ok = major > 22 || (major === 22 && minor >= 18)
  return {
    name: 'node',
    ok,
    detail: version,
    ...(ok
      ? {}
      : { hint: 'start through `npm start` or `npx slipway`, which bring their own Node 24' }),
  }
}

function memoryCheck(): Check {
  const ok = totalmem() >= 2 * GiB
  return {
    name: 'memory',
    ok,
    detail: formatBytes(totalmem()),
    ...(ok ? {} : { hint: 'Slipway is made for machines with 2 GiB and more' }),
  }
}

function dataChecks(dir: string): Check[] {
  try {
    mkdirSync(dir, { recursive: true })
    accessSync(dir, constants.W_OK)
  } catch (error) {
    const hint = 'choose a folder you may write to with --data'
    return [{ name: 'data directory', ok: false, detail: messageOf(error), hint }]
  }
  const disk = statfsSync(dir)
  const freeBytes = disk.bavail * disk.bsize
  const enough = freeBytes >= 2 * GiB
  const locked = existsSync(`${dir}/lock`)
  return [
    {
      name: 'data directory',
      ok: true,
      detail: `${dir}${locked ? ' (in use, or left by a process that was killed)' : ''}`,
    },
    {
      name: 'disk',
      ok: enough,
      detail: `${formatBytes(freeBytes)} free`,
      ...(enough ? {} : { hint: 'free some space, or choose another disk with --data' }),
    },
  ]
}

async function portCheck(name: string, port: number): Promise<Check> {
  const error = await tryListen(port)
  if (error === undefined) return { name: `port ${port}`, ok: true, detail: `free (${name})` }
  const { where, hint } = error as InTheWayError
  return {
    name: `port ${port}`,
    ok: false,
    detail: `taken (${name}): ${where}`,
    ...(hint ? { hint } : {}),
  }
}

function tryListen(port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error) => resolve(portError(error, '127.0.0.1', port)))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)))
  })
}

function brokerChecks(brokers: string): Promise<Check[]> {
  return Promise.all(
    listOf(brokers).map(async (address) => {
      const ok = await canConnect(address.trim())
      return {
        name: `broker ${address}`,
        ok,
        detail: ok ? 'answers' : 'does not answer',
        ...(ok ? {} : { hint: 'is KAFKA_BROKERS right, and is that broker running?' }),
      }
    }),
  )
}

function canConnect(address: string): Promise<boolean> {
  const [host = '', port = ''] = address.split(':')
  return new Promise((resolve) => {
    const socket = createConnection({ host, port: Number(port) || 9092, timeout: 3000 })
    const end = (ok: boolean) => {
      socket.destroy()
      resolve(ok)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}

/** Only tests need one; its absence is news, not a fault. */
function browserCheck(): Check {
  try {
    import.meta.resolve('@sparticuz/chromium')
    return {
      name: 'browser for tests',
      ok: true,
      detail: 'the one in the package @sparticuz/chromium',
    }
  } catch {
    return {
      name: 'browser for tests',
      ok: true,
      detail: 'none; install the development dependencies to test',
    }
  }
}
