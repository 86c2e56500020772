// Whether both sides say the same of a figure, cell by cell: equal, different because the cloud is behind, or different
// although it has all that history had. Two integers are compared, never their quotient. Pure.

import type { Behind } from '../../../api/cloud/position.ts'
import type { Bucket, Figure, MetricAnswer } from '../../../../stack/contract/metrics/definition.ts'
import { duration, plural } from '../../parts/format.ts'

export interface Agreement {
  kind: 'equal' | 'behind' | 'differs' | 'rebuilt'
  /** How many cells differ, of how many. */
  differing: number
  of: number
  /** What a cell is. */
  cells: 'figure' | 'bucket' | 'value'
  /** The first that differs, in words of its place; undefined for a single figure. */
  first: { place: string; local: number | null; cloud: number | null } | undefined
  behind: Behind | null
}

interface Pair {
  place: string
  local: Figure | undefined
  cloud: Figure | undefined
}

const isEqual = ({ local, cloud }: Pair): boolean =>
  (local?.numerator ?? 0) === (cloud?.numerator ?? 0) &&
  (local?.denominator ?? 0) === (cloud?.denominator ?? 0)

export function agreementOf(
  local: MetricAnswer,
  cloud: MetricAnswer,
  behind: Behind | null,
): Agreement {
  const cells = cellsOf(local)
  const pairs = pairsOf(local, cloud)
  const unequal = pairs.filter((pair) => !isEqual(pair))
  const [first] = unequal
  const common = { differing: unequal.length, of: pairs.length, cells, behind }
  const told = first && {
    place: first.place,
    local: first.local?.value ?? null,
    cloud: first.cloud?.value ?? null,
  }
  if (behind?.isOtherEpoch) return { ...common, kind: 'rebuilt', first: told }
  if (unequal.length === 0) return { ...common, kind: 'equal', first: undefined }
  return { ...common, kind: behind && behind.rows > 0 ? 'behind' : 'differs', first: told }
}

const cellsOf = ({ by, buckets }: MetricAnswer): Agreement['cells'] =>
  by.length > 0 ? 'value' : buckets.length > 0 ? 'bucket' : 'figure'

/** The whole counts as a cell where there is nothing else, or where all its cells are equal and it is not. */
function pairsOf(local: MetricAnswer, cloud: MetricAnswer): Pair[] {
  const whole = { place: 'the whole', local, cloud }
  const parts = local.by.length + cloud.by.length > 0 ? byKey(local, cloud) : byBucket(local, cloud)
  if (parts.length === 0) return [whole]
  return parts.every(isEqual) && !isEqual(whole) ? [...parts, whole] : parts
}

function byKey(local: MetricAnswer, cloud: MetricAnswer): Pair[] {
  const of = (answer: MetricAnswer) => new Map(answer.by.map((each) => [each.key, each]))
  const [ours, theirs] = [of(local), of(cloud)]
  return [...new Set([...ours.keys(), ...theirs.keys()])].map((key) => ({
    place: key ?? 'not known',
    local: ours.get(key),
    cloud: theirs.get(key),
  }))
}

function byBucket(local: MetricAnswer, cloud: MetricAnswer): Pair[] {
  const theirs = new Map(cloud.buckets.map((bucket) => [bucket.from, bucket]))
  return local.buckets.map((bucket: Bucket) => ({
    place: bucket.from,
    local: bucket,
    cloud: theirs.get(bucket.from),
  }))
}

const order = ['equal', 'behind', 'rebuilt', 'differs'] as const

/** Of a tile with several figures: the one to worry about most. */
export function worstOf(all: readonly Agreement[]): Agreement | undefined {
  return [...all].sort((a, b) => order.indexOf(b.kind) - order.indexOf(a.kind))[0]
}

export function behindWords({ ms, rows }: Pick<Behind, 'ms' | 'rows'>): string {
  return ms > 0 ? `cloud is ${duration(ms)} behind` : `cloud is ${plural(rows, 'row')} behind`
}

export function agreementWords({ kind, differing, of, cells, behind }: Agreement): string {
  if (kind === 'equal') return 'equal'
  if (kind === 'rebuilt') return 'history was rebuilt; the cloud holds rows of before'
  const where = cells === 'figure' ? 'differs' : `differs in ${differing} of ${plural(of, cells)}`
  return kind === 'behind' && behind ? `${behindWords(behind)}: ${where} until then` : where
}
