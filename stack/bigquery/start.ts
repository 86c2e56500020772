// The door: options in, addresses and `close` out.

import { join } from 'node:path'
import { DomainClock, systemClock } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { startControl } from '../base/control.ts'
import type { ControlServer } from '../base/control.ts'
import { lockDirectory } from '../base/files.ts'
import type { Logger } from '../base/logger.ts'
import { silentLogger } from '../base/logger.ts'
import { Metrics } from '../base/metrics.ts'
import { createFaults } from './faults.ts'
import type { Faults } from './faults.ts'
import { Rest } from './rest.ts'
import { listenRest } from './server.ts'
import { listenStorage } from './storage-server.ts'
import { Warehouse } from './warehouse.ts'
import { WriteStreams } from './write-streams.ts'

export interface BigQueryServerOptions {
  host?: string
  /** 0 for a free one. */
  port?: number
  /** Of Storage Write, 0 for a free one. */
  storagePort?: number
  /** Where everything is kept; in memory, if absent. */
  dataDir?: string
  /** Of health, metrics, status and test control; not served unless given. */
  controlPort?: number
  testControl?: boolean
  logger?: Logger
  clock?: Clock
  domainClock?: DomainClock
}

export interface RunningBigQuery {
  /** host:port of the REST API. */
  address: string
  /** host:port of Storage Write. */
  storageAddress: string
  controlPort: number | undefined
  /** Calls that are to fail. */
  faults: Faults
  domainClock: DomainClock
  close(): Promise<void>
}

export async function startBigQuery(options: BigQueryServerOptions = {}): Promise<RunningBigQuery> {
  const {
    host = '127.0.0.1',
    port = 0,
    dataDir,
    clock = systemClock,
    logger = silentLogger,
  } = options
  const domainClock = options.domainClock ?? new DomainClock(clock)
  const folder = dataDir === undefined ? undefined : openFolder(dataDir)
  const closing: (() => Promise<void> | void)[] = [() => folder?.release()]
  const close = async (): Promise<void> => {
    for (const each of closing.splice(0).reverse()) await each()
  }
  try {
    const warehouse = await Warehouse.open(folder?.file ?? ':memory:', domainClock)
    closing.push(() => warehouse.close())
    const faults = createFaults(clock)
    const rest = new Rest(warehouse)
    const server = await listenRest({ rest, faults, logger }, host, port)
    closing.push(() => server.close())
    const streams = new WriteStreams(warehouse)
    const storage = await listenStorage(
      { streams, faults, logger, clock },
      host,
      options.storagePort ?? 0,
    )
    closing.push(() => storage.close())
    const control = await serveControl({ warehouse, faults, domainClock }, options, host)
    if (control) closing.push(() => control.close())
    return {
      address: `${host}:${server.port}`,
      storageAddress: `${host}:${storage.port}`,
      controlPort: control?.port,
      faults,
      domainClock,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** One process at a time. */
function openFolder(dir: string): { file: string; release(): void } {
  const lock = lockDirectory(dir, 'the embedded BigQuery')
  return { file: join(dir, 'bigquery.duckdb'), release: () => lock.release() }
}

async function serveControl(
  {
    warehouse,
    faults,
    domainClock,
  }: { warehouse: Warehouse; faults: Faults; domainClock: DomainClock },
  { controlPort, testControl = false }: BigQueryServerOptions,
  host: string,
): Promise<ControlServer | undefined> {
  if (controlPort === undefined) return undefined
  const metrics = new Metrics()
  metrics.gauge(
    'slipway_bigquery_tables',
    'Tables and views there are.',
    () => warehouse.tables.size,
  )
  const part = {
    name: 'bigquery',
    metrics,
    domainClock,
    testControl,
    readiness: () => true as const,
    status: async () => ({
      tables: await Promise.all(
        [...warehouse.tables].map(async ([name, table]) => ({
          name,
          type: table.type,
          rows: await warehouse.count(table),
        })),
      ),
    }),
    actions: { faults: (body: unknown) => faults.accept(body) },
  }
  return startControl(part, host, controlPort)
}
