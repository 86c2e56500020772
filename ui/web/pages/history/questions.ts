// What every tile of History asks with: range, comparison, grain, zone and currency of the link, made into addresses
// of metrics. A range that ends now moves on once a minute, a long one every five.

import type { Accessor } from 'solid-js'
import { createContext, createMemo, useContext } from 'solid-js'
import type {
  Dimension,
  Grain,
  MetricAnswer,
  MetricId,
} from '../../../../stack/contract/metrics/definition.ts'
import type { Stretch } from '../../parts/annotations.ts'
import { createAnnotations } from '../../parts/annotations.ts'
import type { PageContext } from '../../parts/page-context.ts'
import { pastStep } from '../../parts/past.ts'
import type { Query } from '../../parts/query.ts'
import { createQuery } from '../../parts/query.ts'
import type { Span } from '../../parts/url-state.ts'
import { comparedSpan, grainFor, spanOf } from '../../parts/url-state.ts'

export interface Asked {
  grain?: Grain
  by?: Dimension
}

export interface Questions {
  span: Accessor<Span>
  /** Undefined without a comparison, or where history does not reach that far back. */
  compared: Accessor<Span | undefined>
  /** The first event that history holds. */
  oldestMs: Accessor<number | undefined>
  grain: Accessor<Grain>
  zone: Accessor<string>
  currency: Accessor<string>
  /** What the comparison is against, in words; empty without one. */
  against: Accessor<string>
  /** What happened in the range. */
  annotations: Accessor<Stretch[]>
  /** History answers nothing at present: said once for the page, not by each tile. */
  isAway: Accessor<boolean>
  askAgain(): void
  ask(id: MetricId, asked?: Accessor<Asked>): Query<MetricAnswer>
  askCompared(id: MetricId, asked?: Accessor<Asked>): Query<MetricAnswer>
}

const minuteMs = 60_000
/** A range of days need not be asked for every minute. */
const longRangeMs = 2 * 24 * 60 * minuteMs
const longStepMs = 5 * minuteMs
const metricFreshMs = 30_000
/** So many questions without an answer are not one tile's trouble. */
const awayFrom = 3

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
  const oldestMs = createMemo(() => {
    const oldest = tables.state().data?.tables.find(({ name }) => name === 'events')?.oldest
    return oldest ? Date.parse(oldest) : undefined
  })
  const compared = createMemo(() => {
    const other = comparedSpan(span(), page.url().compare, page.url().range, page.zone())
    return other && other.fromMs >= (oldestMs() ?? -Infinity) ? other : undefined
  })
  const grain = createMemo(() => grainFor(page.url().grain, span()))
  const address = (id: MetricId, of: Span, { grain, by }: Asked = {}) => {
    const params = new URLSearchParams({
      from: new Date(of.fromMs).toISOString(),
      to: new Date(of.toMs).toISOString(),
      tz: page.zone(),
      currency: page.currency(),
      ...(grain ? { grain } : {}),
      ...(by ? { by } : {}),
    })
    return `/api/history/metrics/${id}?${params.toString()}`
  }
  const queries: Query<MetricAnswer>[] = []
  const query = (url: Accessor<string | undefined>) => {
    const made = createQuery<MetricAnswer>(url, metricFreshMs, comingIn)
    queries.push(made)
    return made
  }
  const failing = () => queries.filter((each) => each.state().error?.isPassing)
  return {
    span,
    compared,
    oldestMs,
    grain,
    zone: page.zone,
    currency: page.currency,
    against: () => againstWords(page.url().compare),
    isAway: () => failing().length >= awayFrom,
    askAgain: () => failing().forEach((each) => each.retry()),
    annotations: createAnnotations(() => (page.isReady() ? span() : undefined)),
    ask: (id, asked) => query(() => (page.isReady() ? address(id, span(), asked?.()) : undefined)),
    askCompared: (id, asked) =>
      query(() => {
        const other = compared()
        return other && page.isReady() ? address(id, other, asked?.()) : undefined
      }),
  }
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
