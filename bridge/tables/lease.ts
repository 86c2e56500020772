// One writer at a time: two labels of the dataset say who writes and until when. They are written with If-Match, so that of
// two that read the same labels one is refused (412) and looks again. Whoever holds it renews it long before it ends, and
// sends nothing when it could not. Who goes on with the same state file is the same owner and need not wait; who lost that
// file is a stranger and waits until nothing that the lost one sent can be under way.

import type { Clock } from '#stack/base/clock.ts'
import { OperatingError } from '#stack/base/errors.ts'
import { isoTime, secondMs } from '#stack/base/units.ts'
import type { BigQueryClients } from '#stack/google/bigquery.ts'

export const ownerLabel = 'bridge_owner'
export const untilLabel = 'bridge_until'

export interface LeaseLabels {
  owner: string
  untilMs: number
}

type Dataset = ReturnType<BigQueryClients['client']['dataset']>
type Labels = Record<string, string | undefined>

export function readLease(labels: Labels): LeaseLabels | undefined {
  const owner = labels[ownerLabel]
  const until = Number(labels[untilLabel])
  return owner === undefined || owner === '' || Number.isNaN(until)
    ? undefined
    : { owner, untilMs: until * secondMs }
}

/** Another bridge writes to this dataset. */
export class HeldByAnother extends OperatingError {
  override name = 'HeldByAnother'
}

export interface LeaseOptions {
  dataset: Dataset
  owner: string
  clock: Clock
  leaseMs: number
}

export class Lease {
  readonly #options: LeaseOptions
  /** By the clock that never goes back: when it was last known to be ours. */
  #renewedMs = -Infinity
  #wasHeld = false

  constructor(options: LeaseOptions) {
    this.#options = options
  }

  /** Something may be sent. */
  get isHeld(): boolean {
    return this.#ageMs < this.#options.leaseMs / 2
  }

  get isDue(): boolean {
    return this.#ageMs > this.#options.leaseMs / 4
  }

  get #ageMs(): number {
    return this.#options.clock.monotonicMs() - this.#renewedMs
  }

  /** Held before and now another's: this one must stop. Never held: it may wait. */
  get wasHeld(): boolean {
    return this.#wasHeld
  }

  /** Renews it in time; a renewal that fails is tried again before the next request. */
  async hold(): Promise<void> {
    if (this.isHeld && !this.isDue) return
    try {
      await this.take()
    } catch (error) {
      if (error instanceof HeldByAnother || !this.isHeld) throw error
    }
  }

  /** Takes it or renews it. Throws HeldByAnother while it is another's. */
  async take(): Promise<void> {
    const { clock, owner, leaseMs } = this.#options
    for (let attempt = 0; attempt < 3; attempt++) {
      // Counted from before the labels were written.
      const beganMs = clock.monotonicMs()
      const { etag, lease } = await this.#read()
      const nowMs = clock.now()
      if (lease && lease.owner !== owner && lease.untilMs > nowMs) throw heldBy(lease)
      const until = Math.ceil((nowMs + leaseMs) / secondMs)
      const labels = { [ownerLabel]: owner, [untilLabel]: String(until) }
      if (!(await this.#write(labels, etag))) continue
      this.#renewedMs = beganMs
      this.#wasHeld = true
      return
    }
    throw new OperatingError('the labels of the dataset change faster than they can be written', {
      retriable: true,
    })
  }

  /** The next one need not wait. */
  async release(): Promise<void> {
    this.#renewedMs = -Infinity
    const { etag, lease } = await this.#read()
    if (lease?.owner === this.#options.owner) {
      await this.#write({ [ownerLabel]: null, [untilLabel]: null }, etag)
    }
  }

  async #read(): Promise<{ etag: string; lease: LeaseLabels | undefined }> {
    const [metadata] = (await this.#options.dataset.getMetadata()) as unknown as [
      { etag: string; labels?: Labels },
    ]
    return { etag: metadata.etag, lease: readLease(metadata.labels ?? {}) }
  }

  /** False: somebody else wrote in between. */
  async #write(labels: Record<string, string | null>, etag: string): Promise<boolean> {
    try {
      // The client sends the etag as If-Match.
      await this.#options.dataset.setMetadata({ etag, labels: labels as Record<string, string> })
      return true
    } catch (error) {
      if ((error as { code?: number }).code === 412) return false
      throw error
    }
  }
}

function heldBy({ owner, untilMs }: LeaseLabels): HeldByAnother {
  return new HeldByAnother(`another bridge, ${owner}, writes to this dataset`, {
    where: `label ${ownerLabel}`,
    retriable: true,
    hint: `stop that one, or wait until ${isoTime(untilMs)}`,
  })
}
