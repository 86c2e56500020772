// ListTransactions, versions 0-2: those that this node coordinates (1: only those that last longer; 2: only ids that
// match a pattern). States that are not known are told back.

import { errorCodes } from '../protocol/errors.ts'
import { listTransactions } from '../protocol/messages/transactions.ts'
import type { Transaction } from '../transaction/transaction.ts'
import { route } from './route.ts'

const states = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'PrepareEpochFence',
  'Dead',
]

export default route(listTransactions, (request, { services }) => {
  const { transactions, cluster, clock } = services
  const { producerIds, durationMs } = request
  const pattern = patternOf(request.transactionalIdPattern)
  const refused = (errorCode: number) => ({
    throttleTimeMs: 0,
    errorCode,
    unknownStates: [] as string[],
    transactions: [],
  })
  if (pattern === undefined) return refused(errorCodes.INVALID_REGULAR_EXPRESSION)
  const nowMs = clock.now()
  const isWanted = ({ id, state, producerId, startedMs }: Readonly<Transaction>) =>
    cluster.coordinates(id) &&
    (request.states.length === 0 || request.states.includes(state)) &&
    (producerIds.length === 0 || producerIds.includes(producerId)) &&
    (durationMs < 0 || nowMs - startedMs > durationMs) &&
    pattern.test(id)
  return {
    ...refused(errorCodes.NONE),
    unknownStates: request.states.filter((state) => !states.includes(state)),
    transactions: transactions
      .list()
      .filter(isWanted)
      .map(({ id, producerId, state }) => ({ transactionalId: id, producerId, state })),
  }
})

/** Of the whole id; undefined for one that cannot be read. */
function patternOf(text: string | null): RegExp | undefined {
  try {
    return new RegExp(text === null || text === '' ? '' : `^(?:${text})$`)
  } catch {
    return undefined
  }
}
