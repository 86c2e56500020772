// A member of a classic group, and what it waits for.

import type { Timer } from '../../base/clock.ts'

export interface GroupProtocol {
  name: string
  metadata: Buffer
}

export interface JoinAnswer {
  errorCode: number
  generationId: number
  protocolType: string | null
  protocolName: string | null
  leader: string
  skipAssignment: boolean
  memberId: string
  members: { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
}

export interface SyncAnswer {
  errorCode: number
  protocolType: string | null
  protocolName: string | null
  assignment: Buffer
}

export interface Member {
  id: string
  instanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: GroupProtocol[]
  assignment: Buffer
  /** Until when, on the monotonic clock, the member counts as alive without a word; looked at when the timer fires. */
  aliveUntilMs: number
  sessionTimer: Timer | undefined
  /** A parked JoinGroup: the member has rejoined this round. */
  join: ((answer: JoinAnswer) => void) | undefined
  /** A parked SyncGroup. */
  sync: ((answer: SyncAnswer) => void) | undefined
}

export function metadataFor(member: Member, protocolName: string): Buffer {
  return member.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? noBytes
}

export const noBytes = Buffer.alloc(0)

export function sameProtocols(a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      (protocol, i) => protocol.name === b[i]?.name && protocol.metadata.equals(b[i].metadata),
    )
  )
}

/** Slices of a frame are not kept. */
export function ownCopies(protocols: readonly GroupProtocol[]): GroupProtocol[] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) }))
}
