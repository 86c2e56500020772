// What the bridge could not deliver: the table `bridge_errors`, read from history as it grows. Of a position the last
// entry says how it stands, so what is open is the table folded by position; only that is kept, without the contents.

import type { Clock } from '../../../stack/base/clock.ts'
import { OperatingError, messageOf } from '../../../stack/base/errors.ts'
import { secondMs } from '../../../stack/base/units.ts'
import type { Row } from '../../../stack/contract/tables.ts'

/** An entry that is not delivered to this day. */
export type OpenError = Pick<
  Row<'bridge_errors'>,
  'lane' | 'position' | 'target' | 'code' | 'reason' | 'attempts' | 'first_at' | 'last_at'
>

export interface BridgeErrors {
  open: number
  byCode: { code: string; records: number }[]
  /** Newest first. */
  newest: OpenError[]
}

export interface BridgeErrorsOptions {
  clock: Clock
  historyUrl: string
}

/** Of an entry that takes an earlier one back (bridge/errors.ts). */
const deliveredCode = 'DELIVERED'
const shownMax = 20
/** As many as the bridge itself remembers. */
const openMax = 20_000
const keptMs = 5 * secondMs
const answerLimitMs = 10 * secondMs

export class BridgeErrorLog {
  readonly #options: BridgeErrorsOptions
  readonly #open = new Map<string, OpenError>()
  #epoch: string | null = null
  #readToSeq = 0
  #readMs = -Infinity
  #reading: Promise<void> | undefined

  constructor(options: BridgeErrorsOptions) {
    this.#options = options
  }

  /** Rejects where history does not answer. */
  async answer(): Promise<BridgeErrors> {
    const { clock } = this.#options
    if (clock.monotonicMs() - this.#readMs >= keptMs) {
      this.#reading ??= this.#read().finally(() => (this.#reading = undefined))
      await this.#reading
      this.#readMs = clock.monotonicMs()
    }
    const open = [...this.#open.values()]
    const byCode = Map.groupBy(open, ({ code }) => code)
    return {
      open: open.length,
      byCode: [...byCode]
        .map(([code, entries]) => ({ code, records: entries.length }))
        .sort((a, b) => b.records - a.records),
      newest: open.slice(-shownMax).reverse(),
    }
  }

  async #read(): Promise<void> {
    const response = await this.#ask(this.#readToSeq)
    const epoch = response.headers.get('slipway-epoch')
    if (epoch !== this.#epoch && this.#readToSeq > 0) {
      // History was rebuilt: its rows have other numbers.
      await response.body?.cancel()
      this.#forget()
      return this.#read()
    }
    const toSeq = Number(response.headers.get('slipway-to-seq'))
    for await (const line of linesOf(response)) this.#note(JSON.parse(line) as OpenError)
    this.#epoch = epoch
    this.#readToSeq = toSeq
  }

  async #ask(afterSeq: number): Promise<Response> {
    const { historyUrl } = this.#options
    const url = `${historyUrl}/v1/tables/bridge_errors/rows?afterSeq=${afterSeq}`
    let why: string
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(answerLimitMs) })
      if (response.ok) return response
      why = `it answered ${response.status}`
    } catch (error) {
      why = messageOf(error)
    }
    throw new OperatingError('History did not answer.', { where: why, retriable: true })
  }

  #note({ lane, position, target, code, reason, attempts, first_at, last_at }: OpenError): void {
    const key = `${lane} ${position}`
    this.#open.delete(key)
    if (code === deliveredCode) return
    this.#open.set(key, { lane, position, target, code, reason, attempts, first_at, last_at })
    const [oldest] = this.#open.keys()
    if (this.#open.size > openMax && oldest !== undefined) this.#open.delete(oldest)
  }

  #forget(): void {
    this.#open.clear()
    this.#epoch = null
    this.#readToSeq = 0
  }
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
