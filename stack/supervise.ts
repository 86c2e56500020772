// Supervises the parts of `start`: one child process each, ready when it says so over IPC, started again with
// back-off when it dies, stopped in waves in reverse order. Their log lines go to a file per part; warnings and
// errors are shown. A part that finds something in the way on its first start ends everything.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createWriteStream, mkdirSync, readdirSync } from 'node:fs'
import type { WriteStream } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Clock } from './base/clock.ts'
import { describeError, exitCodes, InTheWayError, OperatingError } from './base/errors.ts'
import type { PartMessage } from './base/lifecycle.ts'

export interface PartSpec {
  name: string
  /** Path of its main.ts. */
  main: string
  args: string[]
  env: Record<string, string>
  /** Of Node. */
  flags: string[]
  /** Parts of a higher wave are stopped first. All but late ones start at once. */
  wave: number
  /** Started when all others are ready, and not waited for. */
  isLate?: boolean
  /** Once it is ready it gives way to the others by so much; 0 to 19. */
  niceness?: number
}

export interface SupervisorTalk {
  /** Warnings, errors, deaths: one line each. */
  say(line: string): void
  progress(what: string, done: number, total: number): void
}

export interface Supervisor {
  /** Addresses of all parts but late ones; rejects when one of them cannot start. */
  ready: Promise<Record<string, string>>
  pidOf(name: string): number | undefined
  stop(): Promise<void>
}

export interface SuperviseOptions {
  parts: PartSpec[]
  logDir: string
  clock: Clock
  talk: SupervisorTalk
}

const backoffMs = [100, 250, 500, 1000, 2000, 5000]
/** A part that lived this long counts as healthy again. */
const healthyMs = 20_000
/** Three waves of this stay within the ten seconds that `start` promises. */
const stopWaveMs = 3000

/**
 * Where Node keeps what it compiled: a start with it takes about half the time. And one arena for glibc's allocator: each
 * thread would else keep the memory that it freed to itself, a tenth of what the stack takes under load.
 */
export const partEnvironment = {
  MALLOC_ARENA_MAX: '1',
  NODE_COMPILE_CACHE: new URL('../node_modules/.cache/slipway', import.meta.url).pathname,
}

/**
 * A small young generation: the default is not given back after a burst and costs the stack hundreds of megabytes.
 * The rest silences kafkajs' negative timeout, which Node 24 warns of and treats as 1 ms.
 */
export const nodeFlags = [
  '--max-semi-space-size=16',
  '--disable-warning=TimeoutNegativeWarning',
  '--disable-warning=ExperimentalWarning',
]

export function supervise(options: SuperviseOptions): Supervisor {
  mkdirSync(options.logDir, { recursive: true })
  const { parts, talk } = options
  const children = parts.filter(({ isLate }) => !isLate).map((spec) => new Child(spec, options))
  let isStopping = false
  const ready = Promise.all(children.map((child) => child.ready)).then((addresses) => {
    if (!isStopping) for (const spec of parts.filter(({ isLate }) => isLate)) startLate(spec)
    return Object.assign({}, ...addresses) as Record<string, string>
  })
  function startLate(spec: PartSpec): void {
    const child = new Child(spec, options)
    children.push(child)
    child.ready.catch((error: unknown) => talk.say(describeError(error)))
  }
  return {
    ready,
    pidOf: (name) => children.find((child) => child.spec.name === name)?.pid,
    async stop() {
      isStopping = true
      const waves = [...new Set(parts.map((part) => part.wave))].sort((a, b) => b - a)
      for (const wave of waves) {
        await Promise.all(
          children.filter((child) => child.spec.wave === wave).map((child) => child.stop()),
        )
      }
    },
  }
}

class Child {
  readonly spec: PartSpec
  readonly ready: Promise<Record<string, string>>
  readonly #options: SuperviseOptions
  readonly #log: WriteStream
  readonly #settleReady: PromiseWithResolvers<Record<string, string>>
  #process: ChildProcess | undefined
  #gone: Promise<void> = Promise.resolve()
  #everReady = false
  #stopping = false
  #deaths = 0
  #failure: { message: string; exitCode: number } | undefined

  constructor(spec: PartSpec, options: SuperviseOptions) {
    this.spec = spec
    this.#options = options
    this.#log = createWriteStream(join(options.logDir, `${spec.name}.log`), { flags: 'a' })
    this.#settleReady = Promise.withResolvers()
    this.ready = this.#settleReady.promise
    this.ready.catch(() => {})
    this.#spawn()
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  async stop(): Promise<void> {
    this.#stopping = true
    const process = this.#process
    if (process?.connected) process.send('stop')
    const limit = this.#options.clock.after(stopWaveMs, () => {
      this.#options.talk.say(
        `${this.spec.name} did not stop in ${stopWaveMs / 1000} s and is ended`,
      )
      process?.kill('SIGKILL')
    })
    await this.#gone
    limit.cancel()
    await new Promise((resolve) => this.#log.end(resolve))
  }

  #spawn(): void {
    const { main, args, env, flags } = this.spec
    const startedMs = this.#options.clock.monotonicMs()
    const child = spawn(process.execPath, [...nodeFlags, ...flags, main, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...partEnvironment, ...process.env, ...env },
    })
    this.#process = child
    this.#failure = undefined
    child.on('message', (message) => this.#hear(message as PartMessage))
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#logLine(line))
    }
    this.#gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve()
        this.#died(code, signal, this.#options.clock.monotonicMs() - startedMs)
      })
    })
  }

  #hear(message: PartMessage): void {
    if (message.event === 'progress')
      this.#options.talk.progress(message.what, message.done, message.total)
    else if (message.event === 'failed') this.#failure = message
    else this.#becameReady(message.addresses)
  }

  #becameReady(addresses: Record<string, string>): void {
    this.#giveWay()
    if (this.#everReady) this.#options.talk.say(`${this.spec.name} is back`)
    else {
      this.#everReady = true
      this.#settleReady.resolve(addresses)
    }
  }

  /** Not before: everybody waits until the last one is ready. */
  #giveWay(): void {
    const { niceness = 0 } = this.spec
    const pid = this.#process?.pid
    if (niceness === 0 || pid === undefined) return
    for (const thread of threadsOf(pid)) {
      try {
        setPriority(thread, niceness)
      } catch {
        // It is gone again; if the part is, that is told elsewhere.
      }
    }
  }

  #died(code: number | null, signal: string | null, livedMs: number): void {
    if (this.#stopping) return
    const why = this.#failure?.message ?? `ended with ${signal ?? `exit code ${code}`}`
    if (!this.#everReady && this.#isFinal()) return this.#settleReady.reject(this.#startError(why))
    this.#deaths = livedMs > healthyMs ? 0 : this.#deaths + 1
    const waitMs = backoffMs[Math.min(this.#deaths, backoffMs.length - 1)] as number
    this.#options.talk.say(
      `${this.spec.name} died (${firstLine(why)}); started again in ${waitMs} ms`,
    )
    this.#options.clock.after(waitMs, () => {
      if (!this.#stopping) this.#spawn()
    })
  }

  /** On the first start a taken port or wrong use ends everything; so does a part that dies again and again. */
  #isFinal(): boolean {
    const code = this.#failure?.exitCode
    return code === exitCodes.inTheWay || code === exitCodes.usage || this.#deaths >= 3
  }

  #startError(why: string): Error {
    if (this.#failure?.exitCode === exitCodes.inTheWay) return new InTheWayError(why)
    return new OperatingError(`${this.spec.name} could not start: ${why}`, {
      where: join(this.#options.logDir, `${this.spec.name}.log`),
      hint: 'its log file says more; `slipway doctor` checks the machine',
    })
  }

  #logLine(line: string): void {
    this.#log.write(`${line}\n`)
    const entry = parseLogLine(line)
    if (entry && (entry.level === 'warn' || entry.level === 'error')) {
      this.#options.talk.say(`${this.spec.name}: ${entry.message}`)
    }
  }
}

/** On Linux each thread has a priority of its own, which those that it starts take over. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    return [pid]
  }
}

function parseLogLine(line: string): { level: string; message: string } | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as { level: string; message: string }
  } catch {
    return undefined
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? text
}
