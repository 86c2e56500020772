// Offsets that open transactions bring to their groups: nobody sees them before the commit, and a consumer that asks
// for stable offsets waits for it (KIP-447). By transactional id, then by group.

import type { StoredOffset } from '../group/stored-group.ts'

export interface PendingEntry {
  kind: 'transaction-offsets'
  /** The transactional id. */
  id: string
  group: string
  offsets: readonly StoredOffset[]
}

export class PendingOffsets {
  readonly #byId = new Map<string, Map<string, Map<string, StoredOffset>>>()

  add({ id, group, offsets }: PendingEntry): void {
    const groups = this.#byId.get(id) ?? new Map<string, Map<string, StoredOffset>>()
    const pending = groups.get(group) ?? new Map<string, StoredOffset>()
    for (const each of offsets) pending.set(keyOf(each.topic, each.partition), each)
    this.#byId.set(id, groups.set(group, pending))
  }

  /** The transaction is over. */
  delete(id: string): void {
    this.#byId.delete(id)
  }

  of(id: string): { group: string; offsets: StoredOffset[] }[] {
    return [...(this.#byId.get(id) ?? [])].map(([group, offsets]) => ({
      group,
      offsets: [...offsets.values()],
    }))
  }

  has(group: string, topic: string, partition: number): boolean {
    const key = keyOf(topic, partition)
    for (const groups of this.#byId.values()) if (groups.get(group)?.has(key)) return true
    return false
  }

  *entries(): Generator<PendingEntry> {
    for (const id of this.#byId.keys())
      for (const { group, offsets } of this.of(id))
        yield { kind: 'transaction-offsets', id, group, offsets }
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
