// History as the lanes and verify read it: its tables, the rows of one as they come, as fast as they are taken, and how
// far it is behind.

import type { PositionsAnswer } from '#processor/history/read-api.ts'
import { messageOf, OperatingError } from '#stack/base/errors.ts'
import type { WireRow } from './tables/row-encoding.ts'

export interface HistoryTables {
  epoch: number
  /** Newest `_seq` of all tables. */
  maxSeq: number
  tables: { name: string; rows: number; maxSeq: number }[]
}

export interface RowsAnswer {
  /** Up to here the answer goes, if it is not cut by its limit. */
  toSeq: number
  /** As many at a time as have come. */
  rows: AsyncGenerator<HistoryRow[]>
}

export interface HistoryRow {
  row: WireRow
  /** As it came. */
  text: string
}

/** The history was rebuilt: its rows have other numbers now. */
export class EpochGone extends OperatingError {
  override name = 'EpochGone'
}

export class HistoryClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url.replace(/\/$/, '')
  }

  async tables(): Promise<HistoryTables> {
    const response = await this.#get('/v1/tables')
    return (await response.json()) as HistoryTables
  }

  /** Events that the topic has and history does not, wherever they are on their way. */
  async eventsBehind(): Promise<number> {
    const { inputs } = await this.json<Pick<PositionsAnswer, 'inputs'>>('/v1/positions')
    return inputs.reduce((sum, { endOffset, completeTo }) => sum + endOffset - completeTo, 0)
  }

  async rows(
    source: string,
    range: { epoch: number; afterSeq: number; toSeq?: number; limit?: number },
    signal?: AbortSignal,
  ): Promise<RowsAnswer> {
    const query = new URLSearchParams({ derived: 'false' })
    for (const [name, value] of Object.entries(range)) query.set(name, String(value))
    const response = await this.#get(`/v1/tables/${source}/rows?${query.toString()}`, signal)
    const toSeq = Number(response.headers.get('slipway-to-seq'))
    return { toSeq, rows: rowsOf(response) }
  }

  async json<T>(path: string): Promise<T> {
    return (await (await this.#get(path)).json()) as T
  }

  async #get(path: string, signal?: AbortSignal): Promise<Response> {
    const where = `${this.#url}${path}`
    const response = await fetch(where, signal ? { signal } : {}).catch((cause: unknown) => {
      throw new OperatingError('history does not answer', {
        where: this.#url,
        retriable: true,
        hint: 'it is started by `slipway start`, or alone by `slipway history`',
        cause,
      })
    })
    if (response.ok) return response
    const text = await response.text().catch((error: unknown) => messageOf(error))
    if (response.status === 400 && /epoch \d+ is gone/.test(text)) throw new EpochGone(text)
    throw new OperatingError(`history answers ${response.status}: ${text.slice(0, 300)}`, {
      where,
      retriable: response.status >= 500,
    })
  }
}

async function* rowsOf(response: Response): RowsAnswer['rows'] {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield lines.map((text) => ({ row: JSON.parse(text) as WireRow, text }))
  }
  // Whole answers end with a line feed.
  if (rest !== '') throw new OperatingError('history cut its answer', { retriable: true })
}
