// History's HTTP (interfaces.md 3). Everything about the one DuckDB file is asked here; rooms that ask import the type
// of this app. Errors are {error, hint}: 400 for a question that has no answer, 503 for one to be asked again.

import type { DuckDBConnection } from '@duckdb/node-api'
import { Hono } from 'hono'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { answerControl } from '#stack/base/control.ts'
import type { ControlledPart } from '#stack/base/control.ts'
import { messageOf, OperatingError, UsageError } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import { MiB } from '#stack/base/units.ts'
import { listMetrics } from '#stack/contract/metrics.ts'
import { rowPagesType } from '#stack/contract/row-pages.ts'
import { isOutOfMemory } from './database.ts'
import { hostAndOrigin } from './guard.ts'
import { isDamage } from './history-file.ts'
import { exportParquet } from './query/export.ts'
import { answerMetric } from './query/metrics.ts'
import { answerPositions } from './query/positions.ts'
import { rowPages } from './query/row-pages.ts'
import { isInKeyOrder, listTables, rowPieces, tableRef } from './query/rows.ts'
import type { RowRange } from './query/rows.ts'
import { answerWhy, cartsNear } from './query/why.ts'
import type { SqlSandbox } from './sandbox/sql-sandbox.ts'
import type { HistoryService } from './service.ts'

export type { PositionsAnswer } from './query/positions.ts'
export type { SqlAnswer } from './sandbox/sql-child.ts'

export interface ReadApiOptions {
  service: HistoryService
  sandbox: SqlSandbox
  control: ControlledPart
  logger: Logger
  /** Names beside loopback under which this server may be asked. */
  hostNames: readonly string[]
}

const noStore = { 'cache-control': 'no-store' }
const sqlRowsMax = 10_000
const noMemory = {
  error: 'history has no memory left for this question',
  hint: 'ask again in a moment or for a shorter range; slipway history --memory-mb N gives it more',
}

export function createReadApi({ service, sandbox, control, logger, hostNames }: ReadApiOptions) {
  const answers = { service, logger }
  const app = new Hono()
  app.onError((error, c) => {
    if (error instanceof UsageError) return c.json(errorBody(error), 400)
    if (error instanceof OperatingError && error.retriable) return c.json(errorBody(error), 503)
    if (isOutOfMemory(error)) {
      logger.warn('a question found no memory', { path: c.req.path })
      return c.json(noMemory, 503)
    }
    if (isDamage(error)) service.fail(error)
    logger.error('a request failed', { path: c.req.path, error: error.stack ?? messageOf(error) })
    return c.json({ error: 'something went wrong here' }, 500)
  })
  app.use(hostAndOrigin(hostNames), bodyLimit({ maxSize: MiB }))
  for (const path of ['/healthz', '/readyz', '/metrics', '/status', '/control/*']) {
    app.all(path, async (c) => {
      const answer = await answerControl(control, c.req.method, c.req.path, await c.req.text())
      if (!answer) return c.notFound()
      const headers = { 'content-type': answer.contentType, ...noStore }
      return new Response(answer.body, { status: answer.status, headers })
    })
  }
  return app
    .get('/v1/tables', async (c) => {
      const { epoch, database, state } = service.history
      const tables = await database.read(listTables)
      return c.json({ epoch, maxSeq: state.lastSeq, tables }, 200, noStore)
    })
    .get('/v1/tables/:name/rows', (c) => streamRows(c, answers))
    .get('/v1/tables/:name/pages', (c) => streamPages(c, answers))
    .get('/v1/metrics', (c) => c.json({ metrics: listMetrics() }, 200, noStore))
    .get('/v1/metrics/:id', async (c) => {
      const { from, to, tz, grain, by, currency } = c.req.query()
      const filter = c.req.queries('filter')
      const request = { from, to, tz, grain, by, currency, filter }
      const id = c.req.param('id')
      const answer = await answerMetric(service.history, id, request, service.watermarkMs())
      return c.json(answer, 200, noStore)
    })
    .get('/v1/positions', async (c) => c.json(await answerPositions(service), 200, noStore))
    .get('/v1/carts/:cartKey/why', async (c) => {
      const cartKey = c.req.param('cartKey')
      const story = await answerWhy(service.history, cartKey, service.watermarkMs())
      if (story === null) {
        const near = await cartsNear(service.history, cartKey)
        return c.json({ error: `there is no cart ${cartKey}`, near }, 404, noStore)
      }
      return c.json(story, 200, noStore)
    })
    .get('/v1/export/:name', async (c) => {
      const table = tableRef(c.req.param('name'))
      const range = rangeOf(c, service)
      const body = await exportParquet(service.history.database, table, range)
      const headers = { 'content-type': 'application/vnd.apache.parquet', ...noStore }
      return new Response(body, { headers })
    })
    .post('/v1/sql', async (c) => {
      const { sql, limit } = readSql(await c.req.text())
      return c.json(await sandbox.ask({ sql, rowsMax: Math.min(limit, sqlRowsMax) }), 200, noStore)
    })
    .get('/v1/rebuild', (c) => c.json(service.rebuild, 200, noStore))
    .post('/v1/rebuild', (c) => c.json(service.startRebuild(), 202, noStore))
}

export type ReadApi = ReturnType<typeof createReadApi>

function errorBody(error: OperatingError): { error: string; hint?: string } {
  return { error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) }
}

type Answers = Pick<ReadApiOptions, 'service' | 'logger'>

async function streamRows(c: Context<object, '/v1/tables/:name/rows'>, answers: Answers) {
  const { service } = answers
  const table = tableRef(c.req.param('name'))
  const range = rangeOf(c, service)
  const headers = {
    ...headersOf(service, range),
    'content-type': 'application/x-ndjson',
    'slipway-order': isInKeyOrder(table) ? 'key' : '_seq',
  }
  const encoder = new TextEncoder()
  const body = await streamed(answers, c, async function* (connection) {
    for await (const lines of rowPieces(connection, table, range)) yield encoder.encode(lines)
  })
  return new Response(body, { headers })
}

async function streamPages(c: Context<object, '/v1/tables/:name/pages'>, answers: Answers) {
  const { service } = answers
  const table = tableRef(c.req.param('name'))
  if (isInKeyOrder(table)) {
    throw new UsageError(
      `pages come in the order of _seq, and "${table.name}" has the order of its key`,
      {
        hint: `ask for ${table.name}_log`,
      },
    )
  }
  const range = rangeOf(c, service)
  const headers = { ...headersOf(service, range), 'content-type': rowPagesType }
  const body = await streamed(answers, c, (connection) => rowPages(connection, table, range))
  return new Response(body, { headers })
}

function headersOf({ history }: HistoryService, { toSeq }: RowRange): Record<string, string> {
  return { 'slipway-epoch': String(history.epoch), 'slipway-to-seq': String(toSeq), ...noStore }
}

/** Pieces as fast as they are taken, from a connection of their own. */
async function streamed(
  { service, logger }: Answers,
  c: Context,
  piecesFrom: (connection: DuckDBConnection) => AsyncGenerator<Uint8Array>,
): Promise<ReadableStream<Uint8Array>> {
  const session = await service.history.database.session()
  const pieces = piecesFrom(session.connection)
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next()
          if (!done) return controller.enqueue(value)
          controller.close()
        } catch (error) {
          // Who reads sees only that the answer ends too soon.
          logger.error('an answer was cut', { path: c.req.path, error })
          if (isDamage(error)) service.fail(error)
          controller.error(error)
        }
        session.close()
      },
      async cancel() {
        await pieces.return(undefined)
        session.close()
      },
    },
    { highWaterMark: 1 },
  )
}

/** Rows of another epoch have other numbers: who asks for one that is gone must start again. */
function rangeOf(c: Context, { history }: HistoryService): RowRange {
  const number = (name: string, fallback: number): number => {
    const text = c.req.query(name)
    const value = text === undefined ? fallback : Number(text)
    if (Number.isSafeInteger(value) && value >= 0) return value
    throw new UsageError(`${name} is "${text}"`, { hint: 'give a whole number' })
  }
  const epoch = number('epoch', history.epoch)
  if (epoch !== history.epoch) {
    throw new UsageError(`epoch ${epoch} is gone`, {
      hint: `this history is epoch ${history.epoch}; read it from the beginning`,
    })
  }
  return {
    afterSeq: number('afterSeq', 0),
    toSeq: Math.min(number('toSeq', history.state.lastSeq), history.state.lastSeq),
    limit: number('limit', Number.MAX_SAFE_INTEGER),
    derivedBy: c.req.query('derived') === 'false' ? undefined : history.settings,
  }
}

function readSql(text: string): { sql: string; limit: number } {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new UsageError('the body is no JSON', { hint: 'post {"sql": "SELECT …", "limit": 100}' })
  }
  const { sql, limit = 1000 } = (body ?? {}) as { sql?: unknown; limit?: unknown }
  if (typeof sql !== 'string' || typeof limit !== 'number') {
    throw new UsageError('sql is missing', { hint: 'post {"sql": "SELECT …", "limit": 100}' })
  }
  return { sql, limit }
}
