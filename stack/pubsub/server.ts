// The gRPC server: methods of the two services to the functions behind them, and whatever is thrown there to a status.

import { status } from '@grpc/grpc-js'
import type {
  handleUnaryCall,
  ServiceDefinition,
  StatusObject,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { messageOf } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { listenGrpc } from '../grpc/server.ts'
import type { RunningGrpcServer } from '../grpc/server.ts'
import type { Faults } from './faults.ts'
import { transportBytes } from './limits.ts'
import type { StreamingPullRequest } from './messages.ts'
import { loadServices } from './protos.ts'
import { publisher } from './publisher.ts'
import type { PubSub } from './pubsub.ts'
import { Stream } from './receivers.ts'
import type { PullStream } from './receivers.ts'
import { invalid, Refused } from './refused.ts'
import { subscriber } from './subscriber.ts'

export interface ServerContext {
  pubsub: PubSub
  faults: Faults
  logger: Logger
}

type Handlers = Record<string, (request: never, pubsub: PubSub) => object | Promise<object>>

export async function listen(
  context: ServerContext,
  host: string,
  port: number,
): Promise<RunningGrpcServer> {
  const services = loadServices()
  const streams = new Set<PullStream>()
  const server = await listenGrpc({
    services: [
      [services.publisher, unaryMethods(services.publisher, publisher, context)],
      [
        services.subscriber,
        {
          ...unaryMethods(services.subscriber, subscriber, context),
          StreamingPull: (call: PullStream) => streamingPull(call, context, streams),
        },
      ],
    ],
    messageBytesMax: transportBytes,
    host,
    port,
    clock: context.pubsub.clock,
  })
  return {
    port: server.port,
    close() {
      for (const call of streams) {
        call.emit('error', new Refused(status.UNAVAILABLE, 'The server is going away.'))
      }
      return server.close()
    },
  }
}

function unaryMethods(
  service: ServiceDefinition,
  handlers: Handlers,
  context: ServerContext,
): UntypedServiceImplementation {
  const methods: UntypedServiceImplementation = {}
  for (const name of Object.keys(service)) {
    const handler = handlers[name[0]?.toLowerCase() + name.slice(1)]
    if (!handler) continue
    const answer: handleUnaryCall<never, object> = (call, callback) => {
      const { pubsub, faults } = context
      const at = { method: name, resource: resourceOf(call.request) }
      faults
        .around(at, () => handler(call.request, pubsub))
        .then(
          (response) => callback(null, response),
          (error: unknown) => callback(answerOf(error, context, name)),
        )
    }
    // The loader's definition of the method is what gives the request its type.
    methods[name] = answer as UntypedHandleCall
  }
  return methods
}

const isText = (value: unknown): value is string => typeof value === 'string'

function resourceOf(request: Record<string, unknown>): string {
  const { topic, subscription, name, project } = request
  const named = [topic, subscription, name, project].find(isText)
  return named ?? ''
}

/** Ends when the client ends it or its subscription is gone, and never with OK unless the client half-closed. */
function streamingPull(call: PullStream, context: ServerContext, streams: Set<PullStream>): void {
  const { pubsub, faults } = context
  let stream: Stream | undefined
  let isOver = false
  const over = () => {
    isOver = true
    streams.delete(call)
    stream?.leave()
  }
  const fail = (error: unknown) => {
    if (isOver) return
    over()
    call.emit('error', answerOf(error, context, 'StreamingPull'))
  }
  streams.add(call)
  call.on('data', (request: StreamingPullRequest) => {
    if (stream) return attempt(() => stream?.next(request), fail)
    call.pause()
    const { subscription } = request
    if (subscription === '') return fail(invalid('The first request must name the subscription.'))
    faults
      .around({ method: 'StreamingPull', resource: subscription }, () => {
        if (!isOver) stream = new Stream(pubsub, call, request)
      })
      .then(() => call.resume(), fail)
  })
  call.on('end', () => {
    over()
    call.end()
  })
  call.on('cancelled', over)
  call.on('error', over)
}

function attempt(run: () => void, fail: (error: unknown) => void): void {
  try {
    run()
  } catch (error) {
    fail(error)
  }
}

function answerOf(
  error: unknown,
  { logger }: ServerContext,
  method: string,
): Partial<StatusObject> {
  if (error instanceof Refused) {
    return {
      code: error.code,
      details: error.message,
      ...(error.metadata && { metadata: error.metadata }),
    }
  }
  logger.error('a call failed for no reason of the caller', { method, error: messageOf(error) })
  return { code: status.INTERNAL, details: messageOf(error) }
}
