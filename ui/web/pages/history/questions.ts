// What every tile of History asks with: source, range, comparison, grain, zone and currency of the link, made into
// questions about metrics. Of both sources each question is asked of history first, and then of the cloud as of the same
// row. A range that ends now moves on once a minute, a long one every five.

import type { Accessor } from 'solid-js'
import {
  createContext,
  createEffect,
  createMemo,
  createSignal,
  on,
  onCleanup,
  useContext,
} from 'solid-js'
import type { CloudQuestion } from '../../../api/cloud/routes.ts'
import type {
  Dimension,
  Grain,
  MetricAnswer,
  MetricId,
} from '../../../../stack/contract/metrics/definition.ts'
import type { Stretch } from '../../parts/annotations.ts'
import { createAnnotations } from '../../parts/annotations.ts'
import type { CloudAnswer } from '../../parts/cloud-answers.ts'
import { askCloud, cloudAddress } from '../../parts/cloud-answers.ts'
import type { PageContext } from '../../parts/page-context.ts'
import { pastStep } from '../../parts/past.ts'
import type { Query } from '../../parts/query.ts'
import { askServer, createQuery } from '../../parts/query.ts'
import { sidesOf } from '../../parts/source.ts'
import type { Span } from '../../parts/url-state.ts'
import { comparedSpan, grainFor, spanOf } from '../../parts/url-state.ts'
import type { Agreement } from './agreement.ts'
import { agreementOf } from './agreement.ts'

export interface Asked {
  grain?: Grain
  by?: Dimension
  /** The range of the link unless given. */
  span?: Span
}

/** A figure of the source in the link; of both, history's, with the cloud's beside it. */
export interface AskedFigure extends Query<MetricAnswer> {
  /** As of the same row; only of both. */
  cloud: Accessor<CloudAnswer | undefined>
  agreement: Accessor<Agreement | undefined>
}

export interface Questions {
  span: Accessor<Span>
  /** Undefined without a comparison, or where history does not reach that far back. */
  compared: Accessor<Span | undefined>
  /** The first event that the source holds. */
  oldestMs: Accessor<number | undefined>
  grain: Accessor<Grain>
  zone: Accessor<string>
  currency: Accessor<string>
  /** What the comparison is against, in words; empty without one. */
  against: Accessor<string>
  /** What happened in the range. */
  annotations: Accessor<Stretch[]>
  isCloud: Accessor<boolean>
  usesCloud: Accessor<boolean>
  /** Both sides are shown, and no earlier period. */
  isDiff: Accessor<boolean>
  /** Where the figures come from, for files. */
  sourceWords: Accessor<string>
  /** The source answers nothing at present: said once for the page, not by each tile. */
  isAway: Accessor<boolean>
  /** Asks again what has no answer. */
  askAgain(): void
  ask(id: MetricId | Accessor<MetricId>, asked?: Accessor<Asked>): AskedFigure
  askCompared(id: MetricId, asked?: Accessor<Asked>): Query<MetricAnswer>
}

const minuteMs = 60_000
/** A range of days need not be asked for every minute. */
const longRangeMs = 2 * 24 * 60 * minuteMs
const longStepMs = 5 * minuteMs
const metricFreshMs = 30_000
/** So many questions without an answer are not one tile's trouble. */
const awayFrom = 3
/**
 * Where both sides differ, history may have written while it answered, or rows are on their way: asked again so many
 * times before it stays said.
 */
const againMs = [1500, 5000, 15_000] as const

export function createQuestions(page: PageContext): Questions {
  const stepMs = createMemo(() => {
    const { fromMs, toMs } = spanOf(page.url().range, page.live.nowMs(), page.zone())
    return toMs - fromMs > longRangeMs ? longStepMs : minuteMs
  })
  const asked = createMemo(() => Math.floor(page.live.nowMs() / stepMs()) * stepMs())
  const span = createMemo(() => spanOf(page.url().range, asked(), page.zone()))
  const comingIn = () => pastStep(page.past())
  const tables = createQuery<{ tables: { name: string; oldest: string | null }[] }>(
    () => (page.isReady() ? '/api/history/tables' : undefined),
    longStepMs,
    comingIn,
  )
  const source = () => page.url().source
  const isDiff = () => source() === 'diff'
  const oldestMs = createMemo(() => {
    const standing = page.standing()
    if (source() === 'cloud') {
      return (standing?.isReady && standing.cloud.oldestEventMs) || undefined
    }
    const oldest = tables.state().data?.tables.find(({ name }) => name === 'events')?.oldest
    return oldest ? Date.parse(oldest) : undefined
  })
  const compared = createMemo(() => {
    const other = comparedSpan(span(), page.url().compare, page.url().range, page.zone())
    return other && !isDiff() && other.fromMs >= (oldestMs() ?? -Infinity) ? other : undefined
  })
  const grain = createMemo(() => grainFor(page.url().grain, span()))
  const hasCloud = createMemo(() => page.standing()?.isReady === true)
  const question = (id: MetricId, of: Span, { grain, by }: Asked = {}): CloudQuestion => ({
    id,
    from: new Date(of.fromMs).toISOString(),
    to: new Date(of.toMs).toISOString(),
    tz: page.zone(),
    currency: page.currency(),
    ...(grain ? { grain } : {}),
    ...(by ? { by } : {}),
  })
  const address = (of: CloudQuestion): string | undefined => {
    if (source() !== 'cloud') return historyAddress(of)
    return hasCloud() ? cloudAddress(of) : undefined
  }
  const queries: Query<MetricAnswer>[] = []
  const query = (url: Accessor<string | undefined>) => {
    const made = createQuery<MetricAnswer>(url, metricFreshMs, comingIn, askSource)
    queries.push(made)
    return made
  }
  const failing = () => queries.filter((each) => each.state().error)
  const [firsts, setFirsts] = createSignal<readonly Query<MetricAnswer>[]>([])
  /** One request carries all of the cloud's questions. */
  const isHistoryThrough = createMemo(() =>
    firsts().every((each) => {
      const { data, error, isLoading } = each.state()
      return !isLoading && (data !== undefined || error !== undefined)
    }),
  )
  const figure = (of: Accessor<CloudQuestion | undefined>): AskedFigure => {
    const first = query(() => {
      const now = of()
      return now && address(now)
    })
    setFirsts((all) => [...all, first])
    // While history answers anew, the question before stays.
    const cloudQuestion = createMemo<string | undefined>((before) => {
      const now = of()
      const { data, isPrevious } = first.state()
      if (!isDiff() || !hasCloud() || !now) return undefined
      if (!data || isPrevious || !isHistoryThrough()) return before
      const { asOfSeq, watermark } = data
      return cloudAddress({ ...now, asOf: { seq: asOfSeq, watermark } })
    })
    const second = createQuery<CloudAnswer>(cloudQuestion, Infinity, undefined, askCloud)
    queries.push(second)
    const agreement = createMemo(() => {
      const [ours, theirs] = [first.state(), second.state()]
      const isOne = ours.data?.from === theirs.data?.from && ours.data?.to === theirs.data?.to
      if (!ours.data || !theirs.data || !isOne || ours.isPrevious || theirs.isPrevious) return
      return agreementOf(ours.data, theirs.data, theirs.data.behind)
    })
    askUntilEqual(agreement, of, () => first.retry())
    return { ...first, cloud: () => second.state().data, agreement }
  }
  return {
    span,
    compared,
    oldestMs,
    grain,
    zone: page.zone,
    currency: page.currency,
    against: () => againstWords(page.url().compare),
    isCloud: () => source() === 'cloud',
    usesCloud: () => source() !== 'local',
    isDiff,
    sourceWords: () =>
      sidesOf(source(), page.cloud())
        .map(({ word, says }) => `${word} (${says})`)
        .join(' and '),
    isAway: () => failing().filter((each) => each.state().error?.isPassing).length >= awayFrom,
    askAgain: () => failing().forEach((each) => each.retry()),
    annotations: createAnnotations(() => (page.isReady() ? span() : undefined)),
    ask: (id, asked) =>
      figure(() => {
        const how = asked?.() ?? {}
        const which = typeof id === 'function' ? id() : id
        return page.isReady() ? question(which, how.span ?? span(), how) : undefined
      }),
    askCompared: (id, asked) =>
      query(() => {
        const other = compared()
        return other && page.isReady() ? address(question(id, other, asked?.())) : undefined
      }),
  }
}

function historyAddress({ id, ...request }: CloudQuestion): string {
  const params = new URLSearchParams(request as Record<string, string>)
  return `/api/history/metrics/${id}?${params.toString()}`
}

const askSource = (address: string, signal: AbortSignal): Promise<MetricAnswer> =>
  address.startsWith('/') ? askServer<MetricAnswer>(address, signal) : askCloud(address, signal)

/** Asks again, less and less often, as long as the two sides differ. */
function askUntilEqual(
  agreement: Accessor<Agreement | undefined>,
  question: Accessor<unknown>,
  ask: () => void,
): void {
  let tries = 0
  createEffect(on(question, () => (tries = 0)))
  createEffect(() => {
    const kind = agreement()?.kind
    const waitMs = againMs[tries]
    if (waitMs === undefined || (kind !== 'differs' && kind !== 'behind')) return
    const timer = setTimeout(() => {
      tries++
      ask()
    }, waitMs)
    onCleanup(() => clearTimeout(timer))
  })
}

function againstWords(compare: string): string {
  return (
    {
      prev: 'the period before',
      day: 'a day before',
      week: 'a week before',
      year: 'a year before',
    }[compare] ?? ''
  )
}

const Context = createContext<Questions>()
export const QuestionsProvider = Context.Provider

export function useQuestions(): Questions {
  const questions = useContext(Context)
  if (!questions) throw new Error('used outside History')
  return questions
}
