// How a stage's state lies in its changelog: one record a key, as its stage encodes it, a tombstone for a key that
// holds nothing any more, and last in each flush the position record, with the input offset that everything before it
// includes. A partition is read in order, so whatever a restore finds is complete up to the last position record; keys
// written after it (a flush cut short) say themselves which offset they include. Beside them lie decisions, of cuts
// whose outputs may have been written (task.ts).

import { InTheWayError } from '#stack/base/errors.ts'
import type { OutgoingRecord } from '#stack/kafka-client/records.ts'
import type { Decision, Resumed } from '../stage.ts'

/**
 * Of all that lies in changelogs. A version that writes states otherwise counts it up; it does not read what an older one
 * wrote (runtime/state-format.ts).
 */
const stateFormat = 5

/** No visitor, cart or person key begins like these. */
const positionKey = '#position'
const decisionsKey = '#decisions'

export interface ChangelogEntry {
  key: string
  value: Buffer
}

export function stateRecord(key: string, value: Buffer | null): OutgoingRecord {
  return { key, value }
}

export function positionRecord(position: Resumed): OutgoingRecord {
  return { key: positionKey, value: JSON.stringify({ format: stateFormat, ...position }) }
}

/** Written before the outputs of the cuts that they are; always all that are open. */
export function decisionsRecord(decisions: readonly Decision[]): OutgoingRecord {
  return { key: decisionsKey, value: JSON.stringify(decisions) }
}

/** The newest value of each key, as reading a changelog from its beginning leaves them. */
export class Restored {
  readonly #values = new Map<string, Buffer>()

  add(key: Buffer | null, value: Buffer | null): void {
    if (key === null) return
    const name = key.toString()
    if (value === null) this.#values.delete(name)
    else this.#values.set(name, value)
  }

  /** Hands each state over once and forgets it, so that a restore needs little more than what it restores. */
  *states(): Generator<ChangelogEntry> {
    for (const [key, value] of this.#values) {
      if (key === positionKey || key === decisionsKey) continue
      this.#values.delete(key)
      yield { key, value }
    }
  }

  /** What the last position record said; each stage knows the shape of its own. Throws if it is of another format. */
  position(): unknown {
    const value = this.#values.get(positionKey)
    if (value === undefined) return undefined
    const position = JSON.parse(value.toString()) as { format?: number }
    // The first format did not say so.
    const { format = 1 } = position
    if (format === stateFormat) return position
    throw new InTheWayError(
      `the state of the processor has format ${format}, and this version reads ${stateFormat}`,
      { hint: 'go on with the version that wrote it, or start with another data folder (--data)' },
    )
  }

  /** The last that were written; some of them may be done. */
  decisions(): Decision[] {
    const value = this.#values.get(decisionsKey)
    // Only decisionsRecord writes this key.
    return value === undefined ? [] : (JSON.parse(value.toString()) as Decision[])
  }
}
