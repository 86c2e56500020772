// A part in a process of its own, for tests and benches that kill it or look at what it takes: as the supervisor would
// start it, but nobody starts it again. It ends when whoever started it does.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { OperatingError } from './errors.ts'
import type { PartMessage } from './lifecycle.ts'
import { givesBack, smallYoung } from './small-memory.ts'
import { KiB } from './units.ts'

/** Of what it says, the end. */
const logCharactersMax = 16 * KiB

export class PartProcess {
  /** Its addresses; rejects when it ends before it has any. */
  readonly ready: Promise<Readonly<Record<string, string>>>
  readonly #child: ChildProcess
  readonly #gone: Promise<unknown>
  #log = ''

  /** `main` is the path of a program that calls `runPart`. */
  constructor(main: string, flags: readonly string[], nodeFlags: readonly string[] = []) {
    this.#child = spawn(process.execPath, [...smallYoung, ...nodeFlags, main, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...givesBack },
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#log = (this.#log + chunk.toString()).slice(-logCharactersMax)
    })
    this.#gone = once(this.#child, 'exit')
    this.ready = this.#untilReady(main)
    // Whoever kills it at once does not wait for it.
    this.ready.catch(() => {})
  }

  get pid(): number {
    return this.#child.pid as number
  }

  /** By what signal or with which code; undefined while it runs. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#child
    return signalCode ?? exitCode?.toString()
  }

  /** The last lines that it logged. */
  get log(): string {
    return this.#log
  }

  /** In order, as its supervisor would. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.send('stop')
    await this.#gone
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  #untilReady(main: string): Promise<Readonly<Record<string, string>>> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) =>
        reject(new OperatingError(`the part did not start: ${why}`, { where: main }))
      this.#child.on('message', (message: PartMessage) => {
        if (message.event === 'ready') resolve(message.addresses)
        if (message.event === 'failed') fail(message.message)
      })
      void this.#gone.then(() => fail(`it ended with ${this.ended}\n${this.#log}`))
    })
  }
}
