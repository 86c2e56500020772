// How the parts of the stack are: each is asked for its readiness on its control address, at most once every two
// seconds and only while somebody wants to know. One whose port is closed is away at once; one that answers late is
// busy, and away only when it is late again. A broker of somebody else is judged by whether its port answers.

import { connect } from 'node:net'
import type { Clock } from '../../stack/base/clock.ts'
import { messageOf } from '../../stack/base/errors.ts'
import { isoTime, secondMs } from '../../stack/base/units.ts'

export type PartState = 'ready' | 'starting' | 'away'

export interface PartHealth {
  state: PartState
  /** When it came into this state, as far as was seen. */
  since: string
  detail: string
}

export interface PartsOptions {
  clock: Clock
  /** Control address by part name. */
  controls: Readonly<Record<string, string>>
  brokers: readonly string[]
}

interface Answer {
  state: PartState
  detail: string
  /** It did not answer in time; perhaps it is only busy. */
  isLate?: boolean
}

const askEveryMs = 2 * secondMs
const answerLimitMs = 2500

export class Parts {
  readonly #options: PartsOptions
  readonly #health = new Map<string, PartHealth>()
  readonly #late = new Set<string>()
  #askedMs = -Infinity
  #asking: Promise<void> | undefined

  constructor(options: PartsOptions) {
    this.#options = options
  }

  async health(): Promise<Record<string, PartHealth>> {
    await this.#ask()
    return Object.fromEntries(this.#health)
  }

  /** Names of parts that did not answer when last asked; asks again behind the caller's back. */
  away(): string[] {
    void this.#ask()
    return [...this.#health].filter(([, { state }]) => state === 'away').map(([name]) => name)
  }

  #ask(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    if (this.#asking) return this.#asking
    if (nowMs - this.#askedMs < askEveryMs) return Promise.resolve()
    this.#askedMs = nowMs
    this.#asking = this.#askAll().finally(() => (this.#asking = undefined))
    return this.#asking
  }

  async #askAll(): Promise<void> {
    const { controls, brokers } = this.#options
    const asked = Object.entries(controls).map(async ([name, address]) =>
      this.#note(name, await readiness(address)),
    )
    if (!Object.hasOwn(controls, 'broker')) {
      asked.push(anyAnswers(brokers).then((result) => this.#note('broker', result)))
    }
    await Promise.all(asked)
  }

  #note(name: string, { state, detail, isLate = false }: Answer): void {
    const known = this.#health.get(name)
    const isLateAgain = isLate && this.#late.has(name)
    if (isLate) this.#late.add(name)
    else this.#late.delete(name)
    if (isLate && !isLateAgain && known) return
    const seen = isLate && !isLateAgain ? 'starting' : state
    const since = known?.state === seen ? known.since : isoTime(this.#options.clock.now())
    this.#health.set(name, { state: seen, since, detail })
  }
}

async function readiness(address: string): Promise<Answer> {
  try {
    const response = await fetch(`${address}/readyz`, {
      signal: AbortSignal.timeout(answerLimitMs),
    })
    if (response.ok) return { state: 'ready', detail: '' }
    const { detail } = (await response.json()) as { detail?: string }
    return { state: 'starting', detail: detail ?? `answered ${response.status}` }
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === 'TimeoutError'
    return { state: 'away', detail: messageOf(error), isLate }
  }
}

async function anyAnswers(
  brokers: readonly string[],
): Promise<{ state: PartState; detail: string }> {
  const answers = await Promise.all(brokers.map(accepts))
  return answers.includes(true)
    ? { state: 'ready', detail: '' }
    : { state: 'away', detail: `no connection to ${brokers.join(', ')}` }
}

function accepts(broker: string): Promise<boolean> {
  const at = broker.lastIndexOf(':')
  return new Promise((resolve) => {
    const socket = connect({
      host: broker.slice(0, at),
      port: Number(broker.slice(at + 1)),
      timeout: answerLimitMs,
    })
    const answer = (isUp: boolean) => {
      socket.destroy()
      resolve(isUp)
    }
    socket.once('connect', () => answer(true))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
  })
}
