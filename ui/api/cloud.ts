// The cloud as a source of figures: off, the stand-ins of this stack, or a project of Google. Which one is told once, by
// options; Google's packages are loaded and clients made when somebody first asks for the cloud's figures.

import type { BigQueryClients } from '../../stack/google/bigquery.ts'
import { connectBigQuery } from '../../stack/google/bigquery.ts'
import type { PubSubClients } from '../../stack/google/pubsub.ts'
import { connectPubSub } from '../../stack/google/pubsub.ts'
import { UsageError } from '../../stack/base/errors.ts'
import type { GoogleTarget } from '../../stack/google/target.ts'
import { GiB } from '../../stack/base/units.ts'

export interface CloudOptions {
  target: GoogleTarget
  /** Of the mirrored tables. */
  dataset: string
  /** What BigQuery may read for a page before somebody is asked. */
  limitBytes?: number
}

/** Where the cloud is, as the page says it in words. */
export type CloudPlace =
  | { mode: 'off' }
  | { mode: 'emulator' | 'google'; projectId: string; dataset: string }

/** Where it is on. */
export type GivenPlace = Exclude<CloudPlace, { mode: 'off' }>

export const defaultLimitBytes = GiB

export class Cloud {
  readonly place: CloudPlace
  readonly limitBytes: number
  readonly #options: CloudOptions | undefined
  #bigQuery: Promise<BigQueryClients> | undefined
  #pubSub: Promise<PubSubClients> | undefined

  constructor(options: CloudOptions | undefined) {
    this.#options = options
    this.limitBytes = options?.limitBytes ?? defaultLimitBytes
    this.place = options
      ? {
          mode: options.target.mode,
          projectId: options.target.projectId,
          dataset: options.dataset,
        }
      : { mode: 'off' }
  }

  /** Undefined where the cloud is off. */
  async bigQuery(): Promise<BigQueryClients['client'] | undefined> {
    if (!this.#options) return undefined
    // What a failed login said may be mended: the next question tries again.
    this.#bigQuery ??= connectBigQuery(this.#options.target, {}, { autoRetry: false }).catch(
      (error: unknown) => {
        this.#bigQuery = undefined
        throw error
      },
    )
    return (await this.#bigQuery).client
  }

  /** Rejects where the cloud is off. */
  async pubSub(): Promise<PubSubClients> {
    if (!this.#options) throw new UsageError('the cloud is off')
    this.#pubSub ??= connectPubSub(this.#options.target).catch((error: unknown) => {
      this.#pubSub = undefined
      throw error
    })
    return this.#pubSub
  }

  async close(): Promise<void> {
    for (const clients of [this.#bigQuery, this.#pubSub])
      await (await clients?.catch(() => undefined))?.close()
  }
}
