// Somebody else's server beside ours, for tests and benchmarks that compare: started by a program of the shared folder's
// tools, which prints `ready` with the addresses once it answers and ends with status 3 where the server cannot be had.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Peer {
  /** host:port of each of its services. */
  addresses: string[]
  close(): Promise<void>
}

/** Undefined, with a line that says why, where it cannot be had. */
export async function startPeer(
  tool: string,
  args: readonly string[],
  shared = '../shared',
): Promise<Peer | undefined> {
  const program = join(shared, 'tools', tool)
  if (!existsSync(program)) return absent(`${program} is absent`)
  const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + String(chunk)).slice(-2000)))
  const ready = (async () => {
    for await (const line of createInterface(child.stdout))
      if (line.startsWith('ready')) return line
    return undefined
  })()
  const line = await Promise.race([ready, exited.then(() => undefined)])
  if (line === undefined) return absent(`${program} ${args.join(' ')}: ${said.trim()}`)
  return {
    addresses: line.split(/\s+/).slice(1).filter(Boolean),
    async close() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function absent(why: string): undefined {
  process.stdout.write(`not compared: ${why}\n`)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
