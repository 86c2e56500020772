// The door: options in, address and `close` out.

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
import { PubSub } from './pubsub.ts'
import { listen } from './server.ts'
import { Store } from './store.ts'
import { startPush } from './subscriber.ts'

export interface PubSubServerOptions {
  host?: string
  /** 0 for a free one. */
  port?: number
  /** Where everything is kept; in memory, if absent. */
  dataDir?: string
  /** Of health, metrics, status and test control; not served unless given. */
  controlPort?: number
  testControl?: boolean
  logger?: Logger
  clock?: Clock
  domainClock?: DomainClock
}

export interface RunningPubSub {
  /** host:port, as PUBSUB_EMULATOR_HOST takes it. */
  address: string
  controlPort: number | undefined
  /** Calls that are to fail. */
  faults: Faults
  domainClock: DomainClock
  close(): Promise<void>
}

export async function startPubSub(options: PubSubServerOptions = {}): Promise<RunningPubSub> {
  const { host = '127.0.0.1', port = 0, dataDir, clock = systemClock } = options
  const domainClock = options.domainClock ?? new DomainClock(clock)
  const folder = dataDir === undefined ? undefined : openFolder(dataDir)
  const pubsub = new PubSub({ store: new Store(folder?.file ?? ':memory:'), clock, domainClock })
  for (const subscription of pubsub.subscriptions.values()) startPush(subscription, pubsub)
  const faults = createFaults(clock)
  const context = { pubsub, faults, logger: options.logger ?? silentLogger }
  let control: ControlServer | undefined
  try {
    const server = await listen(context, host, port)
    control = await serveControl(context, options, host)
    return {
      address: `${host}:${server.port}`,
      controlPort: control?.port,
      faults,
      domainClock,
      async close() {
        await server.close()
        await control?.close()
        pubsub.close()
        folder?.release()
      },
    }
  } catch (error) {
    pubsub.close()
    folder?.release()
    throw error
  }
}

/** One process at a time. */
function openFolder(dir: string): { file: string; release(): void } {
  const lock = lockDirectory(dir, 'the embedded Pub/Sub')
  return { file: join(dir, 'pubsub.sqlite'), release: () => lock.release() }
}

async function serveControl(
  { pubsub, faults }: { pubsub: PubSub; faults: Faults },
  { controlPort, testControl = false }: PubSubServerOptions,
  host: string,
): Promise<ControlServer | undefined> {
  if (controlPort === undefined) return undefined
  const metrics = new Metrics()
  const gauges: [name: string, help: string, read: () => number][] = [
    ['published_messages', 'Accepted since the start.', () => pubsub.publishedMessages],
    ['delivered_messages', 'Given to subscribers since the start.', () => pubsub.deliveredMessages],
  ]
  for (const [name, help, read] of gauges) metrics.gauge(`slipway_pubsub_${name}`, help, read)
  const part = {
    name: 'pubsub',
    metrics,
    domainClock: pubsub.domainClock,
    testControl,
    readiness: () => true as const,
    status: () => describe(pubsub),
    actions: { faults: (body: unknown) => faults.accept(body) },
  }
  return startControl(part, host, controlPort)
}

function describe(pubsub: PubSub): object {
  return {
    publishedMessages: pubsub.publishedMessages,
    deliveredMessages: pubsub.deliveredMessages,
    topics: [...pubsub.topics.values()].map(({ id, name }) => ({
      name,
      keptMessages: pubsub.store.messageCount(id),
    })),
    subscriptions: [...pubsub.subscriptions.values()].map((subscription) => ({
      name: subscription.name,
      receivers: subscription.receivers.size,
      outstandingMessages: subscription.outstanding,
      floorSeq: subscription.floorSeq,
    })),
  }
}
