// The door: opens the history file, reads the topics into it, and answers for it on one port.

import { createAdaptorServer } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DomainClock, systemClock } from '#stack/base/clock.ts'
import type { Clock } from '#stack/base/clock.ts'
import type { ControlledPart } from '#stack/base/control.ts'
import { lockDirectory } from '#stack/base/files.ts'
import type { RunningPart } from '#stack/base/lifecycle.ts'
import type { Logger } from '#stack/base/logger.ts'
import { Metrics } from '#stack/base/metrics.ts'
import { portError } from '#stack/base/ports.ts'
import { secondMs } from '#stack/base/units.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import type { Settings } from '#stack/contract/settings.ts'
import { topicSpecs } from '#stack/contract/topics.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { defaultLimits } from './database.ts'
import type { DatabaseLimits } from './database.ts'
import { createReadApi } from './read-api.ts'
import { SqlSandbox } from './sandbox/sql-sandbox.ts'
import { HistoryService } from './service.ts'

export interface HistoryStartOptions {
  brokers: readonly string[]
  /** Of topics that do not exist yet. */
  partitions: number
  dataDir: string
  host: string
  /** 0 takes a free one. */
  port: number
  testControl: boolean
  logger: Logger
  clock?: Clock
  domainClock?: DomainClock
  settings?: Partial<Settings>
  limits?: Partial<DatabaseLimits>
  /** Names beside loopback under which the port may be asked. */
  hostNames?: readonly string[]
  /** Called when a batch could not be written: the process must end and start again. */
  onFatal?(error: unknown): void
}

export async function startHistory(options: HistoryStartOptions): Promise<RunningPart> {
  const { dataDir, host, logger } = options
  const clock = options.clock ?? systemClock
  const domainClock = options.domainClock ?? new DomainClock(clock)
  const metrics = new Metrics()
  const lock = lockDirectory(dataDir, 'slipway history')
  try {
    const kafka = connectKafka({
      brokers: options.brokers,
      clientId: 'slipway-history',
      logger,
      clock,
    })
    const admin = await kafka.admin()
    await admin.ensureTopics(topicSpecs(options.partitions))
    await admin.close()
    const service = await HistoryService.open({
      dataDir,
      kafka,
      settings: { ...defaultSettings, ...options.settings },
      limits: { ...defaultLimits, ...options.limits },
      clock,
      domainClock,
      logger,
      metrics,
      onFatal: options.onFatal ?? ((error) => logger.error('history cannot go on', { error })),
    })
    const sandbox = new SqlSandbox({ clock, history: () => service.history })
    const control = controlOf(service, { metrics, domainClock, testControl: options.testControl })
    const hostNames = options.hostNames ?? []
    const app = createReadApi({ service, sandbox, control, logger, hostNames })
    const server = await listen(app.fetch, host, options.port)
    return {
      addresses: { history: `http://${host}:${server.port}` },
      async close() {
        await server.close(clock)
        await sandbox.close()
        await service.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

function controlOf(
  service: HistoryService,
  { metrics, domainClock, testControl }: Omit<ControlledPart, 'name' | 'readiness' | 'status'>,
): ControlledPart {
  metrics.gauge('slipway_history_seq', 'newest _seq written', () => service.history.state.lastSeq)
  metrics.gauge('slipway_history_wal_bytes', 'length of the WAL', () =>
    service.history.database.walBytes(),
  )
  return {
    name: 'history',
    metrics,
    domainClock,
    testControl,
    readiness: () => true,
    status: () => {
      const { epoch, state, database } = service.history
      return {
        epoch,
        maxSeq: state.lastSeq,
        rebuild: service.rebuild,
        isReadAgain: service.isReadAgain,
        fileBytes: database.fileBytes(),
        walBytes: database.walBytes(),
      }
    },
    actions: { flush: () => service.flushAtEnd() },
  }
}

const connectionsMax = 500
/** What is still being answered gets this long when the server stops. */
const farewellMs = 2 * secondMs

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  host: string,
  port: number,
): Promise<{ port: number; close(clock: Clock): Promise<void> }> {
  const server = createAdaptorServer({
    fetch,
    serverOptions: { headersTimeout: 10 * secondMs, requestTimeout: 30 * secondMs },
  }) as Server
  server.maxConnections = connectionsMax
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(portError(error, host, port)))
    server.listen(port, host, () => {
      const { port: taken } = server.address() as AddressInfo
      resolve({ port: taken, close: (clock) => closeServer(server, clock) })
    })
  })
}

function closeServer(server: Server, clock: Clock): Promise<void> {
  return new Promise((closed) => {
    const limit = clock.after(farewellMs, () => server.closeAllConnections())
    server.close(() => {
      limit.cancel()
      closed()
    })
    server.closeIdleConnections()
  })
}
