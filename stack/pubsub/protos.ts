// The services as grpc-js wants them, from the protocol files that Google's client brings along, with the two loaded
// messages read and written by hand (wire.ts).

import { createRequire } from 'node:module'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { readPublishRequest, writeDelivered } from './wire.ts'
import type { Delivered, SubscriptionProperties } from './wire.ts'

export interface DeliveredResponse {
  delivered: readonly Delivered[]
  properties?: SubscriptionProperties
}

const require = createRequire(import.meta.url)
type ProtoJson = Parameters<typeof fromJSON>[0]

export interface Services {
  publisher: ServiceDefinition
  subscriber: ServiceDefinition
}

export function loadServices(): Services {
  const json = require('@google-cloud/pubsub-api/build/protos/protos.json') as ProtoJson
  const loaded = fromJSON(json, { longs: Number, enums: String, defaults: true, arrays: true })
  const service = (name: string) => loaded[`google.pubsub.v1.${name}`] as ServiceDefinition
  const writeResponse = (response: object) => {
    // The handlers of these two methods answer with nothing else.
    const { delivered, properties } = response as DeliveredResponse
    return writeDelivered(delivered, properties)
  }
  return {
    publisher: withMethod(service('Publisher'), 'Publish', {
      requestDeserialize: readPublishRequest,
    }),
    subscriber: withMethod(
      withMethod(service('Subscriber'), 'Pull', { responseSerialize: writeResponse }),
      'StreamingPull',
      { responseSerialize: writeResponse },
    ),
  }
}

function withMethod(
  service: ServiceDefinition,
  method: string,
  own: Partial<MethodDefinition<object, object>>,
): ServiceDefinition {
  return { ...service, [method]: { ...service[method], ...own } } as ServiceDefinition
}
