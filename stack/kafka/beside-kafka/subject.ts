// One of the two brokers of the benchmark: a process that is started, killed and started again on the same data.

import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '../../base/clock.ts'
import { OperatingError } from '../../base/errors.ts'
import { freePort, startPeer } from '../../base/peer.ts'
import { givesBack, smallYoung } from '../../base/small-memory.ts'
import { apiVersions } from '../protocol/messages/cluster.ts'
import { WireClient } from '../wire-client.ts'

const patienceMs = 120_000
const lookAgainMs = 2
const saidCharactersMax = 4000

export class Subject {
  readonly port: number
  /** Of topics whose records are durable when they are acknowledged. */
  readonly durableSettings: Record<string, string>
  readonly #command: readonly string[]
  readonly #dataDir: string
  #child: ChildProcess | undefined
  #said = ''

  private constructor(
    own: { command: readonly string[]; dataDir: string; port: number },
    durableSettings = {},
  ) {
    this.#command = own.command
    this.#dataDir = own.dataDir
    this.port = own.port
    this.durableSettings = durableSettings
  }

  static async ours(durability: 'fsync' | 'none'): Promise<Subject> {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-beside-kafka-'))
    const port = await freePort()
    const main = new URL('../main.ts', import.meta.url).pathname
    const flags = ['--port', String(port), '--control-port', '0', '--data', dataDir]
    // As `slipway broker` starts it.
    const environment = Object.entries(givesBack).map(([name, value]) => `${name}=${value}`)
    const node = ['env', ...environment, process.execPath, ...smallYoung]
    const command = [...node, main, ...flags, '--durability', durability, '--log-level', 'error']
    return new Subject({ command, dataDir, port })
  }

  /** Undefined, with a line that says why, where it cannot be had. */
  static async kafka(shared: string): Promise<Subject | undefined> {
    const dataDir = mkdtempSync(join(tmpdir(), 'slipway-beside-kafka-'))
    const port = await freePort()
    // The tool gives a new folder its format and settings; what it starts has a shell and that work before it.
    const first = await startPeer(
      'kafka/start',
      ['--port', String(port), '--data', dataDir],
      shared,
    )
    await first?.close()
    if (first === undefined) return undefined
    const tools = join(shared, 'tools/kafka')
    const { stdout } = await promisify(execFile)(join(tools, 'jars'))
    const quiet = `-Dlog4j2.configurationFile=${join(tools, 'log4j2.properties')}`
    const java = ['java', '-Xmx1g', quiet, '-cp', `${stdout.trim()}/*`, 'kafka.Kafka']
    const command = [...java, join(dataDir, 'node-1.properties')]
    return new Subject({ command, dataDir, port }, { 'flush.messages': '1' })
  }

  /** How long until it answers: a request is sent again until then. */
  async start(): Promise<number> {
    const [program, ...args] = this.#command
    const sinceMs = systemClock.monotonicMs()
    const child = spawn(program as string, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream.on(
        'data',
        (chunk: Buffer) => (this.#said = (this.#said + String(chunk)).slice(-saidCharactersMax)),
      )
    this.#child = child
    for (;;) {
      if (await answers(this.port)) return systemClock.monotonicMs() - sinceMs
      if (child.exitCode !== null || systemClock.monotonicMs() - sinceMs > patienceMs)
        throw new OperatingError(`the broker did not start: ${this.#said}`, {
          where: program as string,
        })
      await systemClock.sleep(lookAgainMs)
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }

  async dispose(): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.#dataDir, { recursive: true, force: true })
  }

  /** Now, as Linux counts it. */
  residentMb(): number {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    using client = await WireClient.connect(port)
    await client.call(apiVersions, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })
    return true
  } catch {
    return false
  }
}
