// ApiVersions, versions 0-4: the ranges of versions.ts. Sent first by every client, so every version must be
// answered; one that is not known gets version 0 with error 35 (request.ts).
//
//  3  flexible, client software; supported features whose least level is 0 must be left out (KAFKA-17492), which leaves none
//  4  features from level 0: none are advertised either, transactions of version 2 are not served, and that groups of
//     KIP-848 are is told by their APIs
//
// The client's name and version must look like a name: anything else is INVALID_REQUEST, as Kafka answers.

import { errorCodes } from '../protocol/errors.ts'
import { apiVersions } from '../protocol/messages/cluster.ts'
import { route } from './route.ts'

const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export default route(apiVersions, (request, { version, services }) => {
  const isNamed = [request.clientSoftwareName, request.clientSoftwareVersion].every((text) =>
    softwareName.test(text),
  )
  const isRefused = version >= 3 && !isNamed
  return {
    errorCode: isRefused ? errorCodes.INVALID_REQUEST : errorCodes.NONE,
    apiKeys: isRefused ? [] : services.versions.advertised,
    throttleTimeMs: 0,
    // Left out rather than empty: librdkafka before 2.1 misreads a tagged field of one byte.
    supportedFeatures: undefined,
    finalizedFeaturesEpoch: undefined,
    finalizedFeatures: undefined,
  }
})
