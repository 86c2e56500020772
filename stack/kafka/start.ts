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
import { Cluster } from './cluster.ts'
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
  /** Test only: so many nodes, each with a port of its own, `port` and those above. */
  virtualNodes?: number
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
  /** Of members that the broker assigns, who are not asked; Kafka's 45 seconds unless given. */
  consumerSessionTimeoutMs?: number
  logger?: Logger
  clock?: Clock
  limits?: Partial<ConnectionLimits & ListenerLimits>
  /** Bytes that the requests of all connections hold together; unread answers may hold as many. */
  budgetBytes?: number
  files?: NonNullable<StateOptions['files']>
}

export interface RunningBroker {
  /** host:port of each node, with commas between them, as clients take it. */
  address: string
  /** Of the first node. */
  port: number
  controlPort: number | undefined
  close(): Promise<void>
}

/** Others count on from it. */
const firstNodeId = 1
const budgetBytesDefault = 64 * MiB
const loopback = /^(127\.|::1$|localhost$)/

export async function startBroker(options: BrokerOptions): Promise<RunningBroker> {
  const { host = '127.0.0.1', port = 0 } = options
  const versions = versionsAs(options.as)
  refuseRemote(host, options.allowRemote ?? options.users !== undefined)
  const servers = await listenAll(host, port, options)
  let broker: Broker
  try {
    broker = new Broker(servers, { host, versions }, options)
  } catch (error) {
    for (const server of servers) server.close()
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

/** The ports of all nodes, or none. */
async function listenAll(
  host: string,
  port: number,
  { virtualNodes = 1, tls }: BrokerOptions,
): Promise<Server[]> {
  const servers: Server[] = []
  try {
    for (let i = 0; i < virtualNodes; i++)
      servers.push(await listen(host, port === 0 ? 0 : port + i, tls))
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
  return servers
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
  readonly #clock: Clock
  readonly #status: () => object
  readonly #listeners: Listener[]
  readonly #metrics = new Metrics()
  readonly #faults: Faults
  #control: ControlServer | undefined
  #isStopping = false

  constructor(servers: readonly Server[], { host, versions }: Offer, options: BrokerOptions) {
    const members = servers.map((server, i) => ({
      server,
      node: {
        id: firstNodeId + i,
        host: options.advertisedHost ?? host,
        port: portOf(server),
      },
    }))
    const nodes = members.map(({ node }) => node)
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#faults = createFaults(this.#clock)
    this.port = portOf(servers[0] as Server)
    this.address = nodes.map((node) => `${node.host}:${node.port}`).join(',')
    this.#state = openState(stateOptions(options))
    const services = this.#commonServices(versions)
    const bytesMax = options.budgetBytes ?? budgetBytesDefault
    const shared: Omit<ConnectionShared, 'services'> = {
      limits: { ...defaultLimits, ...options.limits },
      requests: new ByteBudget(bytesMax),
      answers: new ByteBudget(bytesMax),
      faults: this.#faults,
      scratch: new Scratch(),
    }
    const limits = { ...defaultListenerLimits, ...options.limits }
    this.#listeners = members.map(({ server, node }) => {
      const own = {
        cluster: new Cluster(nodes, node),
        fetchSessions: new FetchSessions(this.#clock),
      }
      return new Listener(server, { ...shared, services: { ...services, ...own } }, limits)
    })
    this.#status = () => describeStatus({ ...services, node: nodes[0] }, this.#connections)
    this.#observe(shared)
  }

  /** What the nodes have in common: all but who each is, and whom it has sessions with. */
  #commonServices(versions: Versions): Omit<BrokerServices, 'cluster' | 'fetchSessions'> {
    const { dataDir, users, logger = silentLogger, ...options } = this.#options
    const { clusterId, catalog, groups, producerIds, transactions } = this.#state
    return {
      clusterId,
      versions,
      dataDir,
      settings: {
        autoCreateTopics: options.autoCreateTopics ?? true,
        defaultPartitions: options.defaultPartitions ?? 1,
      },
      catalog,
      groups,
      producerIds,
      users: users && new Users(users),
      transactions,
      clock: this.#clock,
      logger,
      requestCount: this.#metrics.counter(
        'slipway_broker_requests_total',
        'Requests answered, by API.',
      ),
    }
  }

  get controlPort(): number | undefined {
    return this.#control?.port
  }

  async serveControl(host: string, port: number | undefined): Promise<void> {
    if (port === undefined) return
    const part = {
      name: 'broker',
      metrics: this.#metrics,
      domainClock: new DomainClock(this.#clock),
      testControl: this.#options.testControl ?? false,
      readiness: () => (this.#isStopping ? 'the broker is stopping' : true) as true | string,
      status: this.#status,
      actions: { faults: (body: unknown) => this.#faults.accept(body) },
    }
    this.#control = await startControl(part, host, port)
  }

  async close(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#listeners.map((listener) => listener.close()))
    await this.#state.close()
    await this.#control?.close()
  }

  get #connections(): number {
    return this.#listeners.reduce((sum, { connections }) => sum + connections, 0)
  }

  #observe({ requests, answers }: Pick<ConnectionShared, 'requests' | 'answers'>): void {
    const gauges: [name: string, help: string, read: () => number][] = [
      ['connections', 'Open client connections.', () => this.#connections],
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
    nodeId: firstNodeId,
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
      ...(options.consumerSessionTimeoutMs !== undefined && {
        consumerSessionTimeoutMs: options.consumerSessionTimeoutMs,
      }),
    },
    ...(options.files ? { files: options.files } : {}),
  }
}
