// History as the lanes and verify read it: its tables, the rows of one as they come, as fast as they are taken, and how
// far it is behind.

import type { PositionsAnswer } from '#processor/history/read-api.ts'
import { messageOf, OperatingError } from '#stack/base/errors.ts'
import { pageHeadBytes, RowPage } from '#stack/contract/row-pages.ts'
import type { TableName } from '#stack/contract/tables.ts'

export interface HistoryTables {
  epoch: number
  /** Newest `_seq` of all tables. */
  maxSeq: number
  tables: { name: string; rows: number; maxSeq: number }[]
}

/** As JSON. */
export type WireRow = Readonly<Record<string, unknown>>

export interface RowRange {
  epoch: number
  afterSeq: number
  toSeq?: number
  limit?: number
}

export interface PagesAnswer {
  /** Up to here the answer goes, if it is not cut by its limit. */
  toSeq: number
  pages: AsyncGenerator<RowPage>
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

  /** Rows as JSON, as many at a time as have come. */
  async *rows(source: string, range: RowRange): AsyncGenerator<WireRow[]> {
    const query = queryOf({ ...range, derived: false })
    yield* rowsOf(await this.#get(`/v1/tables/${source}/rows?${query}`))
  }

  /** Rows by column. */
  async pages(
    { name, source }: { name: TableName; source: string },
    range: RowRange,
    signal?: AbortSignal,
  ): Promise<PagesAnswer> {
    const response = await this.#get(`/v1/tables/${source}/pages?${queryOf(range)}`, signal)
    const toSeq = Number(response.headers.get('slipway-to-seq'))
    return { toSeq, pages: pagesOf(response, name) }
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

function queryOf(values: object): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) query.set(name, String(value))
  return query.toString()
}

async function* rowsOf(response: Response): AsyncGenerator<WireRow[]> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield lines.map((text) => JSON.parse(text) as WireRow)
  }
  // Whole answers end with a line feed.
  if (rest !== '') throw cut()
}

async function* pagesOf(response: Response, table: TableName): PagesAnswer['pages'] {
  const head = Buffer.alloc(pageHeadBytes)
  /** The page in hand; its head while it is not known how long it is. */
  let page = head
  let filled = 0
  for await (const chunk of response.body ?? []) {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.subarray(at, at + page.length - filled)
      page.set(taken, filled)
      filled += taken.length
      at += taken.length
      if (filled < page.length) continue
      if (page !== head) {
        yield new RowPage(table, page)
        page = head
        filled = 0
      } else {
        page = Buffer.allocUnsafeSlow(head.readUInt32LE(0))
        page.set(head)
      }
    }
  }
  if (filled > 0) throw cut()
}

function cut(): OperatingError {
  return new OperatingError('history cut its answer', { retriable: true })
}
