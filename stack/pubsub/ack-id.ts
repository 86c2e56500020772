// An ack id names one delivery: subscription, message, and a number that no other delivery has. Opaque to clients.

export interface AckId {
  subscriptionId: number
  seq: number
  delivery: number
}

export function writeAckId({ subscriptionId, seq, delivery }: AckId): string {
  return Buffer.from(`${subscriptionId}/${seq}/${delivery}`).toString('base64url')
}

/** Undefined where it is no ack id of ours. */
export function readAckId(text: string): AckId | undefined {
  const match = /^(\d+)\/(\d+)\/(\d+)$/.exec(Buffer.from(text, 'base64url').toString('latin1'))
  if (!match) return undefined
  const [, subscriptionId, seq, delivery] = match
  return {
    subscriptionId: Number(subscriptionId),
    seq: Number(seq),
    delivery: Number(delivery),
  }
}
