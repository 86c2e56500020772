// A broker in a process of its own, for tests that kill it or look at what it takes. It comes back on the port of its
// first start, as clients expect it.

import { readFileSync } from 'node:fs'
import { systemClock } from '../base/clock.ts'
import { messageOf, OperatingError } from '../base/errors.ts'
import { PartProcess } from '../base/part-process.ts'
import type { Random } from '../base/random.ts'
import { createTopics } from './protocol/messages/topics.ts'
import { WireClient } from './wire-client.ts'
import { newTopicOf } from './wire-requests.ts'

const killWithinMs = 250
const failuresMax = 100
const startMsMax = 60_000

export interface BrokerProcessOptions {
  dataDir: string
  /** Flags of `slipway broker` beside port and data. */
  flags?: readonly string[]
  nodeFlags?: readonly string[]
}

export class BrokerProcess {
  readonly #options: BrokerProcessOptions
  #part: PartProcess | undefined
  #port = 0

  constructor(options: BrokerProcessOptions) {
    this.#options = options
  }

  get port(): number {
    return this.#port
  }

  /** Undefined while it runs. */
  get ended(): string | undefined {
    return this.#part?.ended
  }

  async start(): Promise<void> {
    const { dataDir, flags = [], nodeFlags = [] } = this.#options
    const main = new URL('./main.ts', import.meta.url).pathname
    const own = ['--port', this.#port, '--data', dataDir, '--control-port', 0].map(String)
    this.#part = new PartProcess(main, [...own, '--log-level', 'error', ...flags], nodeFlags)
    const { kafka } = await this.#part.ready
    this.#port = Number(kafka?.split(':')[1])
  }

  async kill(): Promise<void> {
    await this.#part?.kill()
  }

  /** Calls again on a new connection until it is answered. */
  async patiently<T>(call: (client: WireClient) => Promise<T>): Promise<T> {
    const causes: string[] = []
    for (let failures = 0; failures < failuresMax; failures++) {
      try {
        using client = await this.#connect()
        return await call(client)
      } catch (cause) {
        causes.push(messageOf(cause))
      }
    }
    throw new OperatingError(`no answer in ${failuresMax} connections: ${causes.slice(-3).join()}`)
  }

  async #connect(): Promise<WireClient> {
    const sinceMs = systemClock.monotonicMs()
    for (;;) {
      try {
        return await WireClient.connect(this.#port)
      } catch (cause) {
        if (systemClock.monotonicMs() - sinceMs > startMsMax) throw cause
        await systemClock.sleep(10)
      }
    }
  }

  async createTopic(name: string, partitions: number, configs = {}): Promise<void> {
    using client = await this.#connect()
    await client.call(createTopics, 2, newTopicOf(name, partitions, configs))
  }

  /** Killed at any moment of the next quarter of a second, and started again. */
  async killAgain(kills: number, random: Random): Promise<void> {
    for (let kill = 0; kill < kills; kill++) {
      await systemClock.sleep(20 + random.int(killWithinMs))
      await this.kill()
      await this.start()
    }
  }

  /** Resident memory now, where the system tells it. */
  residentMb(): number | undefined {
    try {
      const status = readFileSync(`/proc/${this.#part?.pid}/status`, 'utf8')
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
    } catch {
      return undefined
    }
  }
}
