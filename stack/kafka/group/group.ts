// One classic consumer group: its members, its state, and the choices that need no clock.
//
//   Empty ──join──► PreparingRebalance ──all joined, or time is up──► CompletingRebalance ──leader syncs──► Stable
//     ▲                    ▲    ▲                                            │                                │
//     └── last one left ───┘    └────────── join, leave, expiry ─────────────┴────────────────────────────────┘

import type { Timer } from '../../base/clock.ts'
import type { GroupProtocol, Member } from './member.ts'
import { metadataFor } from './member.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface CommittedOffset {
  offset: number
  leaderEpoch: number
  metadata: string | null
  committedMs: number
}

export class Group {
  readonly id: string
  state: GroupState = 'Empty'
  generationId = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leaderId: string | null = null
  readonly members = new Map<string, Member>()
  /** Ids that were given out with MEMBER_ID_REQUIRED and not used yet. */
  readonly pendingIds = new Map<string, Timer>()
  roundTimer: Timer | undefined
  /** topic → partition → offset. */
  readonly offsets = new Map<string, Map<number, CommittedOffset>>()
  emptySinceMs: number | undefined

  constructor(id: string) {
    this.id = id
  }

  byInstance(instanceId: string): Member | undefined {
    for (const member of this.members.values()) if (member.instanceId === instanceId) return member
    return undefined
  }

  /** Whether the newcomer and those who are there have a protocol in common. */
  supports(protocolType: string, protocols: readonly GroupProtocol[], except?: string): boolean {
    const others = [...this.members.values()].filter((member) => member.id !== except)
    if (others.length === 0) return protocolType !== '' && protocols.length > 0
    if (protocolType !== this.protocolType) return false
    return protocols.some(({ name }) =>
      others.every((member) => member.protocols.some((protocol) => protocol.name === name)),
    )
  }

  /** Of the protocols that all members know, the one that most of them put first. */
  chooseProtocol(): string {
    const members = [...this.members.values()]
    const isCommon = (name: string) =>
      members.every((member) => member.protocols.some((protocol) => protocol.name === name))
    const votes = new Map<string, number>()
    for (const member of members) {
      const vote = member.protocols.find(({ name }) => isCommon(name))
      if (vote) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    const [winner] = [...votes].sort((a, b) => b[1] - a[1])
    return winner?.[0] ?? ''
  }

  get allJoined(): boolean {
    return this.pendingIds.size === 0 && [...this.members.values()].every((member) => member.join)
  }

  get rebalanceTimeoutMs(): number {
    return Math.max(0, ...[...this.members.values()].map((member) => member.rebalanceTimeoutMs))
  }

  memberList(): { memberId: string; groupInstanceId: string | null; metadata: Buffer }[] {
    const protocol = this.protocolName ?? ''
    return [...this.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      metadata: metadataFor(member, protocol),
    }))
  }
}
