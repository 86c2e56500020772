// One classic consumer group: its members, its state, and the choices that need no clock.
//
//   Empty ──join──► PreparingRebalance ──all joined, or time is up──► CompletingRebalance ──leader syncs──► Stable
//     ▲                    ▲    ▲                                            │                                │
//     └── last one left ───┘    └────────── join, leave, expiry ─────────────┴────────────────────────────────┘

import type { Timer } from '../../base/clock.ts'
import type { GroupProtocol, Member } from './member.ts'
import { metadataFor } from './member.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

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
  /** Ids of members that have not fetched their assignment of this generation. */
  readonly unsynced = new Set<string>()
  /** The end of the round, or of the time to sync after it. */
  roundTimer: Timer | undefined
  /** The first round of an empty group waits for others, however many have joined. */
  waitsForFirst = false
  /** The generation whose assignments are on their way to disk. */
  storingGeneration: number | undefined

  constructor(id: string) {
    this.id = id
  }

  byInstance(instanceId: string): Member | undefined {
    for (const member of this.members.values()) if (member.instanceId === instanceId) return member
    return undefined
  }

  /** Whether the newcomer and those who are there have a protocol in common. */
  supports(protocolType: string, protocols: readonly GroupProtocol[], except?: string): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    const others = [...this.members.values()].filter((member) => member.id !== except)
    if (others.length === 0) return true
    if (protocolType !== this.protocolType) return false
    return protocols.some(({ name }) => others.every((member) => knows(member, name)))
  }

  /** Of the protocols that all members know, the one that most of them put first. */
  chooseProtocol(): string {
    const members = [...this.members.values()]
    const votes = new Map<string, number>()
    for (const member of members) {
      const vote = member.protocols.find(({ name }) => members.every((each) => knows(each, name)))
      if (vote) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
    }
    const [winner] = [...votes].sort((a, b) => b[1] - a[1])
    return winner?.[0] ?? ''
  }

  /** Somebody who was given an id and has not come back holds the round up, too (KIP-394). */
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

function knows(member: Member, protocolName: string): boolean {
  return member.protocols.some(({ name }) => name === protocolName)
}
