// How "a newer producer has this transactional id" is spelled: PRODUCER_FENCED is younger than the APIs that say it, so
// old versions say INVALID_PRODUCER_EPOCH (KIP-588).

import { errorCodes } from '../protocol/errors.ts'

export function spelled(errorCode: number, version: number, knownFrom: number): number {
  const isUnknown = errorCode === errorCodes.PRODUCER_FENCED && version < knownFrom
  return isUnknown ? errorCodes.INVALID_PRODUCER_EPOCH : errorCode
}

/** The answer where a transactional write is not part of a transaction (KIP-890): older clients know one code. */
export function unverified(errorCode: number, knowsAbortable: boolean): number {
  if (errorCode === errorCodes.PRODUCER_FENCED) return errorCodes.INVALID_PRODUCER_EPOCH
  return errorCode === errorCodes.TRANSACTION_ABORTABLE && !knowsAbortable
    ? errorCodes.INVALID_TXN_STATE
    : errorCode
}
