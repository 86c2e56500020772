// The shop's own traffic for `start`: past traffic once, then live traffic for ever, beside the collector in one
// process. Which shop it is (seed, opening) stands in the data folder, so that a second start goes on with it.

import { randomUUID } from 'node:crypto'
import type { Clock, DomainClock } from '#stack/base/clock.ts'
import { messageOf, OperatingError } from '#stack/base/errors.ts'
import type { Logger } from '#stack/base/logger.ts'
import { secondMs } from '#stack/base/units.ts'
import type { Catalogue } from '#stack/contract/catalogue.ts'
import { topics } from '#stack/contract/topics.ts'
import type { KafkaProducer } from '#stack/kafka-client/producer.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Live, LiveStart } from './live.ts'
import { startLive } from './live.ts'
import { readLoadState, writeLoadState } from './load-state.ts'
import type { LoadState } from './load-state.ts'
import { writeLoad } from './load.ts'
import { salesBetween } from './sales.ts'
import type { Sale } from './sales.ts'
import { createSimulation, lookBackMs } from './simulation.ts'
import type { Simulation } from './simulation.ts'

export interface SimulateOptions {
  dataDir: string
  seed: number
  /** Of past traffic. */
  days: number
  /** Live; 0 ends with the past. */
  eventsPerSecond: number
  onProgress?(done: number, total: number): void
}

export interface TrafficOptions extends SimulateOptions {
  producer: Pick<KafkaProducer, 'send' | 'partitionCount'>
  clock: Clock
  domainClock: DomainClock
  logger: Logger
  catalogue: Catalogue
}

export interface TrafficStatus {
  phase: 'past' | 'live' | 'over' | 'failed'
  /** Records of the past, about. */
  done: number
  total: number
  liveRecords: number
  openingAt: string
}

export interface Traffic {
  status(): TrafficStatus
  salesBetween(fromMs: number, toMs: number): Sale[]
  close(): Promise<void>
}

const retryMs = 1000

/** Returns at once; the work goes on behind it. */
export function startTraffic(options: TrafficOptions): Traffic {
  const state = readLoadState(options.dataDir) ?? newShop(options)
  const stop = new AbortController()
  const status: TrafficStatus = {
    phase: 'past',
    done: 0,
    total: 0,
    liveRecords: 0,
    openingAt: new Date(state.openingMs).toISOString(),
  }
  let live: Live | undefined
  const running = run(options, { state, status, signal: stop.signal }).then(
    (started) => (live = started),
    (error: unknown) => {
      if (stop.signal.aborted) return
      status.phase = 'failed'
      options.logger.error('simulated traffic ended', { error: messageOf(error) })
    },
  )
  return {
    status: () => ({ ...status, liveRecords: live?.sentRecords() ?? 0 }),
    salesBetween: (fromMs, toMs) => salesBetween(state.openingMs, fromMs, toMs),
    async close() {
      stop.abort(new OperatingError('the shop closes'))
      await running
      await live?.close()
    },
  }
}

interface Run {
  state: LoadState
  status: TrafficStatus
  signal: AbortSignal
}

async function run(
  options: TrafficOptions,
  { state, status, signal }: Run,
): Promise<Live | undefined> {
  const simulation = await createSimulation({
    seed: state.seed,
    profile: 'demo',
    openingMs: state.openingMs,
    days: state.days,
    // While the past is written its log must stay the same; after that the rate is free.
    liveEventsPerSecond: state.isDone ? options.eventsPerSecond : state.liveEventsPerSecond,
    catalogue: options.catalogue,
  })
  const from = state.isDone ? undefined : await past(options, simulation, { state, status, signal })
  if (signal.aborted) return undefined
  status.phase = options.eventsPerSecond === 0 ? 'over' : 'live'
  if (options.eventsPerSecond === 0) return undefined
  return startLive(
    {
      clock: options.clock,
      domainClock: options.domainClock,
      recordsFrom: (nowMs) => simulation.records({ fromMs: nowMs - lookBackMs(simulation, nowMs) }),
      send: (records) => options.producer.send([{ topic: topics.events.name, records }]),
      onError: (error) =>
        options.logger.warn('simulated records are lost', { error: messageOf(error) }),
    },
    from,
  )
}

async function past(
  options: TrafficOptions,
  simulation: Simulation,
  { state, status, signal }: Run,
): Promise<LiveStart | undefined> {
  const records = simulation.records()
  const tell = (writtenUntilMs: number) => {
    status.total = simulation.expectedRecords(options.domainClock.now())
    status.done = Math.min(status.total, simulation.expectedRecords(writtenUntilMs))
    options.onProgress?.(status.done, status.total)
  }
  const next = await writeLoad({
    state,
    records,
    send: (batch) => sendUntilDone(options, batch, signal),
    partitionCount: (topic) => options.producer.partitionCount(topic),
    nowMs: () => options.domainClock.now(),
    save: (saved) => writeLoadState(options.dataDir, saved),
    onProgress: tell,
    breathe: () => options.clock.sleep(0),
    signal,
  })
  if (signal.aborted) return undefined
  tell(options.domainClock.now())
  options.logger.info('past traffic is written', { records: state.sentRecords })
  return { records, next }
}

/** A broker that is away is waited for: past traffic has no holes. */
async function sendUntilDone(
  options: TrafficOptions,
  records: readonly OutgoingRecord[],
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      return await options.producer.send([{ topic: topics.events.name, records }])
    } catch (error) {
      if (signal.aborted || !(error instanceof OperatingError && error.retriable)) throw error
      options.logger.warn('past traffic waits for the broker', { error: messageOf(error) })
      await options.clock.sleep(retryMs, signal)
    }
  }
}

/** A new shop opens now, to the second, so that its log can be made again from what stands in the state file. */
function newShop(options: TrafficOptions): LoadState {
  const state: LoadState = {
    version: 1,
    loadId: randomUUID(),
    seed: options.seed,
    days: options.days,
    liveEventsPerSecond: options.eventsPerSecond,
    openingMs: Math.floor(options.domainClock.now() / secondMs) * secondMs,
    sentRecords: 0,
    isDone: false,
  }
  writeLoadState(options.dataDir, state)
  return state
}
