// The cloud as a source of figures: off, the stand-ins of this stack, or a project of Google. Which one is told once, by
// options; Google's packages are loaded and clients made when somebody first asks for the cloud's figures.

import type { BigQueryClients } from '../../stack/google/bigquery.ts'
import { connectBigQuery } from '../../stack/google/bigquery.ts'
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

export const defaultLimitBytes = GiB

export class Cloud {
  readonly place: CloudPlace
  readonly limitBytes: number
  readonly #options: CloudOptions | undefined
  #bigQuery: Promise<BigQueryClients> | undefined

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

  async close(): Promise<void> {
    await (await this.#bigQuery?.catch(() => undefined))?.close()
  }
}
