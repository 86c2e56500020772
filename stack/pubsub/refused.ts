// An answer that is no success: a gRPC status with a sentence close to the live service's. Thrown by whoever finds it
// out, turned into the answer in one place (server.ts).

import { Metadata, status } from '@grpc/grpc-js'

export class Refused extends Error {
  override name = 'Refused'
  readonly code: status
  readonly metadata: Metadata | undefined

  constructor(code: status, message: string, metadata?: Metadata) {
    super(message)
    this.code = code
    this.metadata = metadata
  }
}

export const invalid = (message: string): Refused => new Refused(status.INVALID_ARGUMENT, message)

export const failedPrecondition = (message: string): Refused =>
  new Refused(status.FAILED_PRECONDITION, message)

export const unimplemented = (what: string): Refused =>
  new Refused(status.UNIMPLEMENTED, `${what} is not served by the embedded Pub/Sub`)

/** `resource` is the last part of a name, as the live service says it. */
export const notFound = (name: string): Refused =>
  new Refused(status.NOT_FOUND, `Resource not found (resource=${lastPart(name)}).`)

export const alreadyExists = (name: string): Refused =>
  new Refused(
    status.ALREADY_EXISTS,
    `Resource already exists in the project (resource=${lastPart(name)}).`,
  )

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
