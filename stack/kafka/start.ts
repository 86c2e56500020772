// The door: options in, address and `close` out. The port is taken first, so that a second broker stops before it
// touches anything; state is opened in the same turn of the event loop, so that nobody is answered too early.

import type { Server } from 'node:net'
import { DomainClock, systemClock } from '../base/clock.ts'
import type { Clock } from '../base/clock.ts'
import { startControl } from '../base/control.ts'
import type { ControlServer } from '../base/control.ts'
import { UsageError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { silentLogger } from '../base/logger.ts'
import { Metrics } from '../base/metrics.ts'
import { MiB } from '../base/units.ts'
import type { BrokerServices } from './broker.ts'
import { ByteBudget } from './byte-budget.ts'
import type { ConnectionLimits, ConnectionShared } from './connection.ts'
import { defaultLimits } from './connection.ts'
import { createFaults } from './faults.ts'
import type { Faults } from './faults.ts'
import { FetchSessions } from './fetch-sessions.ts'
import { defaultListenerLimits, listen, Listener, portOf } from './listener.ts'
import type { ListenerLimits, TlsKeys } from './listener.ts'
import type { Durability } from './log/partition-log.ts'
import { Scratch } from './protocol/frames.ts'
import { Users } from './security/users.ts'
import { openState } from './state.ts'
import type { BrokerState, StateOptions } from './state.ts'
import { describeStatus } from './status.ts'
import { versionsAs } from './versions.ts'
import type { Versions } from './versions.ts'

export interface BrokerOptions {
  dataDir: string
  /** No more is advertised than this broker has (personas.ts). */
  as?: string
  host?: string
  /** 0 for a free one. */
  port?: number
  /** What clients are told to connect to; the listening address unless given. */
  advertisedHost?: string
  /** Passwords by user name: clients have to log in, by PLAIN or SCRAM. Otherwise nobody has to. */
  users?: ReadonlyMap<string, string>
  /** The listener speaks TLS. */
  tls?: TlsKeys
  /** Without a login the broker belongs on loopback; true lets in everybody who reaches the host. */
  allowRemote?: boolean
  /** Of health, metrics and status; not served unless given. */
  controlPort?: number
  testControl?: boolean
  durability?: Durability
  defaultPartitions?: number
  autoCreateTopics?: boolean
  /** False refuses replication factors above 1 instead of clamping them. */
  clampReplication?: boolean
  initialRebalanceDelayMs?: number
  /** The shortest that a group's member may ask for; Kafka's six seconds unless given. */
  sessionTimeoutMsMin?: number
  logger?: Logger
  clock?: Clock
  limits?: Partial<ConnectionLimits & ListenerLimits>
  /** Bytes that the requests of all connections hold together; unread answers may hold as many. */
  budgetBytes?: number
  files?: NonNullable<StateOptions['files']>
}

export interface RunningBroker {
  /** host:port, as clients take it. */
  address: string
  port: number
  controlPort: number | undefined
  close(): Promise<void>
}

const nodeId = 1
const budgetBytesDefault = 64 * MiB
const loopback = /^(127\.|::1$|localhost$)/

export async function startBroker(options: BrokerOptions): Promise<RunningBroker> {
  const { host = '127.0.0.1', port = 0 } = options
  const versions = versionsAs(options.as)
  refuseRemote(host, options.allowRemote ?? options.users !== undefined)
  const server = await listen(host, port, options.tls)
  let broker: Broker
  try {
    broker = new Broker(server, { host, versions }, options)
  } catch (error) {
    server.close()
    throw error
  }
  try {
    await broker.serveControl(host, options.controlPort)
  } catch (error) {
    await broker.close()
    throw error
  }
  return broker
}

function refuseRemote(host: string, allowed: boolean): void {
  if (allowed || loopback.test(host)) return
  throw new UsageError(`the broker would listen on ${host}, where others reach it`, {
    where: host,
    hint: 'nobody has to log in: give it --users, listen on 127.0.0.1, or allow it with --allow-remote',
  })
}

interface Offer {
  host: string
  versions: Versions
}

/** One running broker: its state, its connections, its control port. */
class Broker implements RunningBroker {
  readonly address: string
  readonly port: number
  readonly #options: BrokerOptions
  readonly #state: BrokerState
  readonly #services: BrokerServices
  readonly #listener: Listener
  readonly #metrics = new Metrics()
  readonly #faults: Faults
  #control: ControlServer | undefined
  #isStopping = false

  constructor(server: Server, { host, versions }: Offer, options: BrokerOptions) {
    const node = { id: nodeId, host: options.advertisedHost ?? host, port: portOf(server) }
    this.#options = options
    this.#faults = createFaults(options.clock ?? systemClock)
    this.port = node.port
    this.address = `${node.host}:${node.port}`
    this.#state = openState(stateOptions(options))
    this.#services = {
      node,
      clusterId: this.#state.clusterId,
      versions,
      dataDir: options.dataDir,
      settings: {
        autoCreateTopics: options.autoCreateTopics ?? true,
        defaultPartitions: options.defaultPartitions ?? 1,
      },
      catalog: this.#state.catalog,
      groups: this.#state.groups,
      producerIds: this.#state.producerIds,
      users: options.users && new Users(options.users),
      transactions: this.#state.transactions,
      fetchSessions: new FetchSessions(options.clock ?? systemClock),
      clock: options.clock ?? systemClock,
      logger: options.logger ?? silentLogger,
      requestCount: this.#metrics.counter(
        'slipway_broker_requests_total',
        'Requests answered, by API.',
      ),
    }
    const bytesMax = options.budgetBytes ?? budgetBytesDefault
    const shared: ConnectionShared = {
      services: this.#services,
      limits: { ...defaultLimits, ...options.limits },
      requests: new ByteBudget(bytesMax),
      answers: new ByteBudget(bytesMax),
      faults: this.#faults,
      scratch: new Scratch(),
    }
    this.#listener = new Listener(server, shared, { ...defaultListenerLimits, ...options.limits })
    this.#observe(shared)
  }

  get controlPort(): number | undefined {
    return this.#control?.port
  }

  async serveControl(host: string, port: number | undefined): Promise<void> {
    if (port === undefined) return
    const part = {
      name: 'broker',
      metrics: this.#metrics,
      domainClock: new DomainClock(this.#services.clock),
      testControl: this.#options.testControl ?? false,
      readiness: () => (this.#isStopping ? 'the broker is stopping' : true) as true | string,
      status: () => describeStatus(this.#services, this.#listener.connections),
      actions: { faults: (body: unknown) => this.#faults.accept(body) },
    }
    this.#control = await startControl(part, host, port)
  }

  async close(): Promise<void> {
    this.#isStopping = true
    await this.#listener.close()
    await this.#state.close()
    await this.#control?.close()
  }

  #observe({ requests, answers }: ConnectionShared): void {
    const gauges: [name: string, help: string, read: () => number][] = [
      ['connections', 'Open client connections.', () => this.#listener.connections],
      ['request_bytes', 'Held by requests that are not answered.', () => requests.usedBytes],
      ['answer_bytes', 'Of answers that clients have not read.', () => answers.usedBytes],
    ]
    for (const [name, help, read] of gauges) {
      this.#metrics.gauge(`slipway_broker_${name}`, help, read)
    }
  }
}

function stateOptions(options: BrokerOptions): StateOptions {
  return {
    dataDir: options.dataDir,
    nodeId,
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
    durability: options.durability ?? 'fsync',
    topics: {
      defaultPartitions: options.defaultPartitions ?? 1,
      clampReplication: options.clampReplication ?? true,
    },
    groups: {
      initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? 0,
      ...(options.sessionTimeoutMsMin !== undefined && {
        sessionTimeoutMsMin: options.sessionTimeoutMsMin,
      }),
    },
    ...(options.files ? { files: options.files } : {}),
  }
}
