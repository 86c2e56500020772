// What settings belong to, in the three configuration APIs.

import { errorCodes } from '../protocol/errors.ts'
import type { Outcome } from '../topics/catalog.ts'

export const resourceTypes = { topic: 2, broker: 4 } as const

/** The answer to a change of anything but a topic. */
export function unchangeable(type: number): Outcome {
  return {
    errorCode: errorCodes.INVALID_REQUEST,
    errorMessage:
      type === resourceTypes.broker
        ? "The broker's settings are given when it starts; they cannot be changed while it runs."
        : `Settings of resource type ${type} are not served.`,
  }
}
