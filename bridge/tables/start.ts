// The door of lane B: one loop that gives each table its turns, as long as the lease is held. Troubles are each table's own:
// it waits, longer each time, and the others go on.

import { join } from 'node:path'
import type { Clock } from '#stack/base/clock.ts'
import { messageOf, OperatingError } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import { Random } from '#stack/base/random.ts'
import { dayMs, isoTime, KiB, MiB, secondMs } from '#stack/base/units.ts'
import { connectBigQuery, connectStorageWrite } from '#stack/google/bigquery.ts'
import type { BridgeError } from '../errors.ts'
import { explained } from '#stack/google/trouble.ts'
import type { Lane, LaneStatus, StreamState, StreamStatus } from '../lane.ts'
import type { LaneSurroundings, TablesOptions } from '../options.ts'
import { SendRate } from '../topics/send-rate.ts'
import { backOffMs } from '../back-off.ts'
import { EpochGone, HistoryClient } from '../history-client.ts'
import type { HistoryTables } from '../history-client.ts'
import { HeldByAnother, Lease } from './lease.ts'
import { LoadFile } from './load-file.ts'
import { LoadSink } from './load-sink.ts'
import { Logbook, ProtocolAlarm } from './logbook.ts'
import type { Step } from './logbook.ts'
import { tableResources } from './resources.ts'
import { RightOfWay } from '../right-of-way.ts'
import { StateFile } from './state-file.ts'
import { StreamSink } from './stream-sink.ts'
import { tableMetrics } from './table-metrics.ts'
import { TableShipper } from './table-shipper.ts'
import type { Turn } from './table-shipper.ts'
import { Target } from './target.ts'

export interface TablesLaneOptions
  extends
    Pick<
      LaneSurroundings,
      'history' | 'target' | 'dataset' | 'dataDir' | 'metrics' | 'logger' | 'clock'
    >,
    Partial<TablesOptions> {
  errors: { report(error: BridgeError): Promise<void> }
  /** Between two looks for new rows when everything is there. */
  pollMs?: number
  leaseMs?: number
  batchBytes?: number
  batchRows?: number
  turnRows?: number
  streamMs?: number
  loadRows?: number
  onStep?(step: Step): void
}

const defaults = {
  pollMs: 3 * secondMs,
  leaseMs: 60 * secondMs,
  // Small ones keep memory small on both sides; the most that a request takes is 10 MB.
  batchBytes: MiB,
  batchRows: 10_000,
  turnRows: 50_000,
  streamMs: dayMs,
  by: 'write-api' as TablesOptions['by'],
  loadEveryMs: secondMs,
}
/** Of a file; the stand-in has all of it in memory, and Google's limit is far beyond. */
const loadBytes = { emulator: 4 * MiB, google: 64 * MiB }
const callMs = 30 * secondMs
const closeMs = 3 * secondMs
const listingsMs = 5 * secondMs
/** Between two questions whether history has much to catch up with. */
const wayMs = 2 * secondMs
const backOff = { firstMs: 250, mostMs: 15 * secondMs }

export async function startTablesLane(options: TablesLaneOptions): Promise<Lane> {
  const { target, dataset, dataDir, clock, logger } = options
  const settings = { ...defaults, ...options }
  const state = new StateFile(join(dataDir, 'tables'))
  if (state.unknownBecause !== undefined) {
    logger.info('lane B asks BigQuery how far it is', { because: state.unknownBecause })
  }
  const { client } = await connectBigQuery(target, {}, { autoRetry: false })
  const writer = await connectStorageWrite(target)
  const bigquery = new Target({
    client,
    writer,
    projectId: target.projectId,
    datasetId: dataset,
    clock,
    timeoutMs: callMs,
  })
  const lease = new Lease({
    dataset: client.dataset(dataset),
    owner: state.owner,
    clock,
    leaseMs: settings.leaseMs,
  })
  const history = new HistoryClient(options.history)
  const stop = new AbortController()
  const rate = new SendRate()
  const count = tableMetrics(options.metrics)
  const replyMs = Math.min(callMs, settings.leaseMs / 2)
  const common = { target: bigquery, clock, holdLease: () => lease.hold() }
  const streamSink = (book: Logbook) =>
    new StreamSink({
      ...common,
      book,
      limits: { bytes: settings.batchBytes, rows: settings.batchRows },
      turnRows: settings.turnRows,
      replyMs,
      streamMs: settings.streamMs,
      onQuota: () => rate.complain(clock.monotonicMs()),
      async paced(rows) {
        for (;;) {
          const waitMs = rate.take(rows, clock.monotonicMs())
          if (waitMs === 0) return
          await clock.sleep(waitMs, stop.signal)
        }
      },
    })
  const loadSink = (book: Logbook) =>
    new LoadSink({
      ...common,
      book,
      file: new LoadFile(join(dataDir, 'tables', 'loads', `${book.resource.tableId}.ndjson`)),
      intervalMs: settings.loadEveryMs,
      fileBytes: loadBytes[target.mode],
      // What is read and does not fit is read again; at a kilobyte each they fill a file.
      fileRows: settings.loadRows ?? loadBytes[target.mode] / KiB,
    })
  const shippers = tableResources.map((resource) => {
    const book = new Logbook({
      resource,
      target: bigquery,
      state,
      onBadRow: (bad) => options.errors.report(errorOf(bad, dataset, clock.now())),
      count,
      onStep: options.onStep,
    })
    const [sink, other] =
      settings.by === 'load'
        ? [loadSink(book), streamSink(book)]
        : [streamSink(book), loadSink(book)]
    return new TableShipper({ book, sink, other, history, target: bigquery, clock })
  })
  const lane = new TablesLane({
    stop,
    shippers,
    history,
    lease,
    clock,
    logger,
    pollMs: settings.pollMs,
  })
  const running = lane.run()
  let closed: Promise<void> | undefined
  return { name: 'tables', status: () => lane.status(), close: () => (closed ??= close()) }

  async function close(): Promise<void> {
    lane.stop()
    const limit = new AbortController()
    await Promise.race([running, clock.sleep(closeMs, limit.signal).catch(() => {})])
    limit.abort()
    for (const shipper of shippers) shipper.close()
    await running
    await lease.release().catch((error: unknown) => {
      logger.info('the lease could not be given back', { error: messageOf(error) })
    })
    writer.close()
    state.close()
  }
}

function errorOf(
  bad: { position: string; text: string; code: string; reason: string },
  dataset: string,
  nowMs: number,
): BridgeError {
  const { position, text, code, reason } = bad
  const [table] = position.split('/')
  const at = isoTime(nowMs)
  return {
    lane: 'tables',
    position,
    target: `${dataset}.${table}`,
    code,
    reason,
    attempts: 1,
    firstAt: at,
    lastAt: at,
    payload: text,
  }
}

class GivesWay extends OperatingError {
  constructor(events: number) {
    super(`history has ${events} events to catch up with, and goes first`, { retriable: true })
  }
}

interface LaneParts {
  stop: AbortController
  shippers: readonly TableShipper[]
  history: HistoryClient
  lease: Lease
  clock: Clock
  logger: Logger
  pollMs: number
}

/** How one table stands. */
interface Standing {
  state: StreamState
  detail: string
  sinceMs: number
  troubles: number
  notBeforeMs: number
}

class TablesLane {
  readonly #parts: LaneParts
  readonly #standing = new Map<TableShipper, Standing>()
  readonly #stop: AbortController
  readonly #random = new Random('back-off')
  readonly #rightOfWay = new RightOfWay()
  #listing: HistoryTables | undefined
  #listedMs = -Infinity
  #givesWay = false
  #askedForWayMs = -Infinity
  #leaseTroubles = 0

  constructor(parts: LaneParts) {
    this.#parts = parts
    this.#stop = parts.stop
    for (const shipper of parts.shippers) {
      const sinceMs = parts.clock.now()
      const detail = 'starting'
      this.#standing.set(shipper, {
        state: 'running',
        detail,
        sinceMs,
        troubles: 0,
        notBeforeMs: 0,
      })
    }
  }

  stop(): void {
    this.#stop.abort()
  }

  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const isMoving = await this.#round()
      if (!isMoving) await this.#pause(this.#parts.pollMs)
    }
  }

  status(): LaneStatus {
    const streams = this.#parts.shippers.map((shipper): StreamStatus => {
      const { state, detail, sinceMs } = this.#standingOf(shipper)
      const { sent, retries, errors, dedupHits } = shipper.book.counts
      const { position } = shipper.book
      const end = this.#listing?.maxSeq ?? null
      return {
        stream: shipper.book.resource.tableId,
        position,
        // The listing may be older than the rows that were read since.
        targetPosition: end === null ? null : Math.max(end, position ?? 0),
        lagRecords: state === 'caught-up' ? 0 : this.#lagOf(shipper),
        oldestUnsentMs: this.#ageMs(shipper),
        counts: { sent, retries, errors, dedupHits },
        state,
        detail,
        sinceMs,
      }
    })
    return { lane: 'tables', streams }
  }

  /** True: there is more to do at once. */
  async #round(): Promise<boolean> {
    if (!(await this.#holdLease())) return false
    if (await this.#mustGiveWay()) return false
    const epoch = await this.#epoch()
    if (epoch === undefined) return false
    let isMoving = false
    for (const shipper of this.#parts.shippers) {
      if (this.#stop.signal.aborted) return false
      if (!(await this.#holdLease())) return false
      if (await this.#mustGiveWay()) return false
      if (await this.#turn(shipper, epoch)) isMoving = true
    }
    return isMoving
  }

  async #turn(shipper: TableShipper, epoch: number): Promise<boolean> {
    const standing = this.#standing.get(shipper) as Standing
    if (standing.state === 'stopped' || this.#parts.clock.now() < standing.notBeforeMs) return false
    try {
      const turn = await shipper.turn(epoch, this.#stop.signal)
      this.#stand(shipper, ...this.#after(turn, shipper))
      standing.troubles = 0
      return turn === 'more'
    } catch (error) {
      if (this.#stop.signal.aborted) return false
      if (error instanceof EpochGone) {
        this.#forgetEpoch()
        return true
      }
      this.#trouble(shipper, error)
      return false
    }
  }

  #after(turn: Turn, shipper: TableShipper): [StreamState, string] {
    switch (turn) {
      case 'more':
        return ['running', 'rows are on their way']
      case 'under way':
        return ['running', 'a load is under way']
      case 'all there':
        return ['caught-up', 'everything is there']
      case 'resting':
        if (this.#lagOf(shipper) === 0) return ['caught-up', 'everything is there']
        return ['waiting', `the next load is due at ${isoTime(shipper.restsUntilMs)}`]
    }
  }

  #trouble(shipper: TableShipper, error: unknown): void {
    const { clock, logger } = this.#parts
    const standing = this.#standing.get(shipper) as Standing
    const isAlarm = error instanceof ProtocolAlarm
    standing.troubles++
    standing.notBeforeMs = clock.now() + backOffMs(backOff, standing.troubles, this.#random.float())
    this.#stand(shipper, isAlarm ? 'stopped' : 'waiting', sentenceOf(error, shipper))
    const fields = { table: shipper.book.resource.tableId, error: messageOf(error) }
    if (isAlarm) logger.error('a table is not shipped any more', fields)
    else if (standing.troubles === 1) logger.warn('a table waits', fields)
    else logger.debug('a table still waits', fields)
  }

  /** False: nothing may be sent now. */
  async #holdLease(): Promise<boolean> {
    const { lease, logger } = this.#parts
    if (lease.isHeld && !lease.isDue) return true
    try {
      await lease.take()
      this.#leaseTroubles = 0
      return true
    } catch (error) {
      const isLost = error instanceof HeldByAnother && lease.wasHeld
      this.#leaseTroubles++
      this.#standAll(isLost ? 'stopped' : 'waiting', error)
      const fields = { error: messageOf(error) }
      if (isLost) {
        logger.error('lane B stops: another bridge writes to its dataset', fields)
        this.stop()
      } else if (this.#leaseTroubles === 1) logger.warn('lane B waits for its dataset', fields)
      await this.#pause(backOffMs(backOff, Math.min(this.#leaseTroubles, 4), this.#random.float()))
      return false
    }
  }

  /** True: nothing may be read now. */
  async #mustGiveWay(): Promise<boolean> {
    const { history, clock } = this.#parts
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#askedForWayMs < wayMs) return this.#givesWay
    this.#askedForWayMs = nowMs
    try {
      const events = await history.eventsBehind()
      this.#givesWay = this.#rightOfWay.givesWay(events, nowMs)
      if (this.#givesWay) this.#standAll('waiting', new GivesWay(events))
      return this.#givesWay
    } catch (error) {
      this.#standAll('waiting', error)
      return true
    }
  }

  /** Of history, which listed its tables not long ago; undefined while it does not answer. */
  async #epoch(): Promise<number | undefined> {
    const { history, clock } = this.#parts
    const isBehind = [...this.#standing.values()].some(({ state }) => state !== 'caught-up')
    const isOld = clock.monotonicMs() - this.#listedMs > (isBehind ? listingsMs : 4 * listingsMs)
    if (this.#listing && !isOld) return this.#listing.epoch
    try {
      const listing = await history.tables()
      if (this.#listing && listing.epoch !== this.#listing.epoch) this.#forgetEpoch()
      this.#listing = listing
      this.#listedMs = clock.monotonicMs()
      return listing.epoch
    } catch (error) {
      this.#standAll('waiting', error)
      return undefined
    }
  }

  #forgetEpoch(): void {
    this.#listing = undefined
    for (const shipper of this.#parts.shippers) {
      shipper.forget()
      this.#stand(shipper, 'running', 'history was rebuilt: all of it is shipped anew')
    }
  }

  /** What was at the end at its last turn, and has found more since, is on its way. */
  #standingOf(shipper: TableShipper): Standing {
    const standing = this.#standing.get(shipper) as Standing
    const hasMore = standing.state === 'caught-up' && shipper.book.unsentSinceMs !== null
    return hasMore ? { ...standing, state: 'running', detail: 'rows are on their way' } : standing
  }

  #ageMs({ book: { unsentSinceMs } }: TableShipper): number | null {
    return unsentSinceMs === null ? null : Math.max(0, this.#parts.clock.now() - unsentSinceMs)
  }

  /** Rows of a table are spread evenly over the numbers of all tables; exact at both ends. */
  #lagOf({ book: { resource, position } }: TableShipper): number {
    const known = this.#listing?.tables.find(({ name }) => name === resource.source)
    if (!known || known.maxSeq === 0) return 0
    const left = Math.max(0, known.maxSeq - (position ?? 0)) / known.maxSeq
    return Math.ceil(known.rows * left)
  }

  /** What concerns the whole lane; a table that has stopped by itself stays so. */
  #standAll(state: StreamState, error: unknown): void {
    for (const [shipper, standing] of this.#standing) {
      if (standing.state !== 'stopped') this.#stand(shipper, state, sentenceOf(error, shipper))
    }
  }

  #stand(shipper: TableShipper, state: StreamState, detail: string): void {
    const standing = this.#standing.get(shipper) as Standing
    if (standing.state !== state) standing.sinceMs = this.#parts.clock.now()
    standing.state = state
    standing.detail = detail
  }

  async #pause(ms: number): Promise<void> {
    await this.#parts.clock.sleep(ms, this.#stop.signal).catch(() => {})
  }
}

function sentenceOf(error: unknown, { book: { resource } }: TableShipper): string {
  const { code } = error as { code?: unknown }
  if (code === 404 || code === 5) {
    return `${resource.tableId} is not there: \`slipway bridge apply\` creates it (${messageOf(error)})`
  }
  const told = explained(error)
  const hint = told instanceof OperatingError && told.hint !== undefined ? `; ${told.hint}` : ''
  return `${messageOf(told)}${hint}`
}
