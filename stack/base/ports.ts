// Where every part listens unless told otherwise (loopback; `--port-offset` is added to all), and how to say that
// a port is taken and by whom.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { InTheWayError } from './errors.ts'

export const defaultPorts = {
  kafka: 9092,
  pubsub: 8085,
  bigquery: 9050,
  bigqueryStorage: 9060,
  dashboard: 4400,
  shop: 4401,
  history: 4402,
  brokerControl: 4403,
  pubsubControl: 4404,
  bigqueryControl: 4405,
  processorControl: 4406,
  bridgeControl: 4407,
} as const

/** Turns EADDRINUSE into a named error that says who holds the port, where that can be known (Linux). */
export function portError(error: unknown, host: string, port: number): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error
  const holder = portHolder(port)
  return new InTheWayError(
    `port ${port} is ${code === 'EACCES' ? 'not allowed for this user' : 'taken'}`,
    {
      where: `${host}:${port}${holder === undefined ? '' : `, held by ${holder}`}`,
      hint: 'stop that process, or start with --port-offset N',
      cause: error,
    },
  )
}

/** "node stack/kafka/main.ts (pid 4711)" of the process that listens on the port, or undefined where it cannot be seen. */
export function portHolder(port: number): string | undefined {
  try {
    const inodes = new Set(listeningInodes(port))
    if (inodes.size === 0) return undefined
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      if (holdsAny(pid, inodes)) return `${programOf(pid)} (pid ${pid})`
    }
  } catch {
    // not Linux, or not allowed to look
  }
  return undefined
}

/** The program and, of an interpreter, the end of the script's path. */
function programOf(pid: string): string {
  const [program = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  const script = args.find((arg) => arg !== '' && !arg.startsWith('-'))
  const words = [basename(program), script?.split('/').slice(-3).join('/')]
  return words.filter((word) => word !== undefined).join(' ')
}

function listeningInodes(port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((cells) => cells[3] === '0A' && cells[1]?.endsWith(`:${hexPort}`))
      .map((cells) => cells[9] as string),
  )
}

function holdsAny(pid: string, inodes: Set<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
      return inode !== undefined && inodes.has(inode)
    })
  } catch {
    return false
  }
}
