// Acknowledge and ModifyAckDeadline, by unary call or on a stream. A stale ack id is accepted without a word, unless the
// subscription promises exactly-once delivery: then each has its own result, told as a google.rpc.ErrorInfo.
//
//   google.rpc.Status  1 code, 2 message, 3 details* (Any { 1 type_url, 2 value })
//   ErrorInfo          1 reason, 2 domain, 3 metadata* { 1 key, 2 value }

import { Metadata, status } from '@grpc/grpc-js'
import protobuf from 'protobufjs/minimal.js'
import { readAckId } from './ack-id.ts'
import type { DeliveryRef } from './delivery.ts'
import { ackDeadlineSeconds, ackIdsPerRequest } from './limits.ts'
import { invalid, Refused } from './refused.ts'
import type { Subscription } from './subscription.ts'

export interface Results {
  succeeded: string[]
  /** Stale: nothing was done for them. */
  failed: string[]
}

export function acknowledge(subscription: Subscription, ackIds: readonly string[]): Results {
  const { refs, results } = currentOf(subscription, ackIds)
  subscription.acknowledge(refs)
  return results
}

export function modifyDeadline(
  subscription: Subscription,
  ackIds: readonly string[],
  { seconds, nowMs }: { seconds: number; nowMs: number },
): Results {
  if (seconds < 0 || seconds > ackDeadlineSeconds.most) {
    throw invalid(
      `Invalid ack deadline given: (ackDeadlineSeconds=${seconds}). It must be from 0 to ${ackDeadlineSeconds.most}.`,
    )
  }
  const { refs, results } = currentOf(subscription, ackIds)
  subscription.modifyDeadline(refs, seconds * 1000, nowMs)
  return results
}

/** What a unary call answers where some of its ack ids were stale. */
export function refuseStale({ config }: Subscription, { failed }: Results): void {
  if (failed.length === 0 || !config.enableExactlyOnceDelivery) return
  const message =
    'Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.'
  const metadata = new Metadata()
  metadata.set('grpc-status-details-bin', statusDetails(message, failed))
  throw new Refused(status.FAILED_PRECONDITION, message, metadata)
}

function currentOf(
  subscription: Subscription,
  ackIds: readonly string[],
): { refs: DeliveryRef[]; results: Results } {
  if (ackIds.length === 0) throw invalid('No ack ids specified.')
  if (ackIds.length > ackIdsPerRequest) {
    throw invalid(`A request may have at most ${ackIdsPerRequest} ack ids, not ${ackIds.length}.`)
  }
  const refs: DeliveryRef[] = []
  const results: Results = { succeeded: [], failed: [] }
  for (const text of ackIds) {
    const ackId = readAckId(text)
    if (!ackId) throw invalid(`You have passed an invalid ack ID to the service (ack_id=${text}).`)
    const isCurrent = ackId.subscriptionId === subscription.id && subscription.isCurrent(ackId)
    if (isCurrent) refs.push(ackId)
    results[isCurrent ? 'succeeded' : 'failed'].push(text)
  }
  return { refs, results }
}

function statusDetails(message: string, failed: readonly string[]): Buffer {
  const info = protobuf.Writer.create()
  info.uint32(10).string('INVALID_ACK_ID').uint32(18).string('pubsub.googleapis.com')
  for (const ackId of failed) {
    info.uint32(26).fork()
    info.uint32(10).string(ackId).uint32(18).string('PERMANENT_FAILURE_INVALID_ACK_ID')
    info.ldelim()
  }
  const writer = protobuf.Writer.create()
  writer.uint32(8).int32(status.FAILED_PRECONDITION).uint32(18).string(message)
  writer.uint32(26).fork()
  writer.uint32(10).string('type.googleapis.com/google.rpc.ErrorInfo')
  writer.uint32(18).bytes(info.finish())
  writer.ldelim()
  return writer.finish() as Buffer
}
