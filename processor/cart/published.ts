// What a key has published so far, as plain data for the changelog, and the difference between that and a new fold. Only
// the difference travels: rows of `cart-episodes` with a growing revision, tombstones for rows that the fold no longer
// has, and verdicts with at most one live record an episode (T8). A verdict that the fold no longer has is retracted
// (T6).

import { hash } from 'node:crypto'
import type { AbandonmentRecord, CartRecord } from '#stack/contract/cart.ts'
import { episodeKey } from '#stack/contract/cart.ts'
import { compareBytes } from '#stack/contract/order.ts'
import type { FoldedEpisode, PersonFold } from './fold.ts'
import { retractionReason } from './retraction.ts'
import type { Change, EpisodeStart } from './retraction.ts'
import type { CartRow, Verdict } from './rows.ts'

export interface Published {
  /** By episode key. */
  carts: Record<string, PublishedCart>
  /** By abandonmentId. */
  verdicts: Record<string, PublishedVerdict>
}

export interface PublishedCart {
  revision: number
  /** Of its content; null after a tombstone, whose revision goes on if the row comes again. */
  print: string | null
}

export interface PublishedVerdict {
  record: AbandonmentRecord
  start: EpisodeStart
  /** Another key may have had the last word on the topic (deed.ts): it is to be published again. */
  isDoubtful?: true
}

export interface Difference {
  carts: CartRecord[]
  /** Episode keys. */
  tombstones: string[]
  abandonments: AbandonmentRecord[]
  published: Published
}

export const nothingPublished: Published = { carts: {}, verdicts: {} }

/** `change`: what made the key be folded again; it only names the reason of a retraction. */
export function diffPerson(
  before: Published,
  fold: PersonFold,
  change: Change,
  processedAt: string,
): Difference {
  const published: Published = { carts: { ...before.carts }, verdicts: { ...before.verdicts } }
  const difference: Difference = { carts: [], tombstones: [], abandonments: [], published }
  diffCarts(before, fold, difference, processedAt)
  retractVerdicts(before, fold, change, difference, processedAt)
  publishVerdicts(before, fold, difference, processedAt)
  return difference
}

function diffCarts(
  before: Published,
  fold: PersonFold,
  difference: Difference,
  processedAt: string,
): void {
  const folded = new Set<string>()
  for (const { row } of fold.episodes) {
    const key = episodeKey(row.cartKey, row.episode)
    folded.add(key)
    const print = printOf(row)
    const known = before.carts[key]
    if (known?.print === print) continue
    const revision = known === undefined ? 0 : known.revision + 1
    difference.published.carts[key] = { revision, print }
    difference.carts.push({ ...row, revision, processedAt })
  }
  for (const [key, { revision, print }] of Object.entries(before.carts)) {
    if (print === null || folded.has(key)) continue
    difference.published.carts[key] = { revision: revision + 1, print: null }
    difference.tombstones.push(key)
  }
}

/** T6: every live record whose episode the fold no longer has, or no longer as abandoned. */
function retractVerdicts(
  before: Published,
  fold: PersonFold,
  change: Change,
  difference: Difference,
  processedAt: string,
): void {
  const live = new Set(fold.episodes.map(({ verdict }) => verdict?.abandonmentId))
  for (const { record, start, isDoubtful } of inOrder(Object.values(before.verdicts))) {
    if (live.has(record.abandonmentId)) continue
    if (record.status === 'retracted' && isDoubtful !== true) continue
    emit(difference, start, {
      ...record,
      status: 'retracted',
      reason: record.reason ?? retractionReason(record.cartKey, start, fold, change),
      recoveredOrderId: null,
      recoveredAt: null,
      recoveredValueMinor: null,
      recoveredCurrency: null,
      revision: record.revision + 1,
      processedAt,
    })
  }
}

function publishVerdicts(
  before: Published,
  fold: PersonFold,
  difference: Difference,
  processedAt: string,
): void {
  for (const { verdict, start } of dueInOrder(fold.episodes)) {
    const { record: known, isDoubtful } = before.verdicts[verdict.abandonmentId] ?? {}
    if (known !== undefined && isDoubtful !== true && isSame(known, verdict)) continue
    let revision = known === undefined ? 0 : known.revision + 1
    // A verdict is abandoned before it is recovered or lost, however far the watermark leapt.
    if (verdict.status !== 'abandoned' && (known === undefined || known.status === 'retracted')) {
      const abandoned = { ...beforeRecovery(verdict), reason: null, revision, processedAt }
      emit(difference, start, abandoned)
      revision++
    }
    emit(difference, start, { ...verdict, reason: null, revision, processedAt })
  }
}

function emit(difference: Difference, start: EpisodeStart, record: AbandonmentRecord): void {
  difference.abandonments.push(record)
  difference.published.verdicts[record.abandonmentId] = { record, start }
}

function beforeRecovery(verdict: Verdict): Verdict {
  return {
    ...verdict,
    status: 'abandoned',
    recoveredOrderId: null,
    recoveredAt: null,
    recoveredValueMinor: null,
    recoveredCurrency: null,
  }
}

/** Both have the fields of a verdict in the order in which rows.ts writes them, through the changelog too. */
function isSame(known: AbandonmentRecord, verdict: Verdict): boolean {
  const { reason: _reason, revision: _revision, processedAt: _processedAt, ...content } = known
  return JSON.stringify(content) === JSON.stringify(verdict)
}

function printOf(row: CartRow): string {
  return hash('sha1', JSON.stringify(row), 'base64url')
}

/** The output does not depend on the order in which verdicts came to be known. */
function inOrder(verdicts: PublishedVerdict[]): PublishedVerdict[] {
  return verdicts.sort((a, b) => compareBytes(a.record.abandonmentId, b.record.abandonmentId))
}

type Judged = FoldedEpisode & { verdict: Verdict }

function dueInOrder(episodes: readonly FoldedEpisode[]): Judged[] {
  return episodes
    .filter((episode): episode is Judged => episode.verdict !== null)
    .sort(
      ({ verdict: a }, { verdict: b }) =>
        compareBytes(a.abandonedAt, b.abandonedAt) ||
        compareBytes(a.startedAt, b.startedAt) ||
        compareBytes(a.abandonmentId, b.abandonmentId),
    )
}
