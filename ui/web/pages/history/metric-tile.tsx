// A tile that asks history: its footnote says range, age and what is provisional; the previous answer stays, dimmed,
// while the next is on its way; an error stays in its tile, with a way to try again.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import type { MetricAnswer, MetricId } from '../../../../stack/contract/metrics/definition.ts'
import { metrics } from '../../../../stack/contract/metrics.ts'
import type { Definition } from '../../parts/definition.tsx'
import { ageWords } from '../../parts/format.ts'
import { usePage } from '../../parts/page-context.ts'
import type { TileProps } from '../../parts/tile.tsx'
import { Tile } from '../../parts/tile.tsx'
import { fullTime } from '../../parts/zone.ts'
import { AgreementBadge } from './agreement-words.tsx'
import { printer } from './figures.ts'
import type { AskedFigure } from './questions.ts'
import { useQuestions } from './questions.ts'

export interface MetricTileProps extends Omit<
  TileProps,
  'definition' | 'children' | 'footnote' | 'level'
> {
  /** The first is the one whose age and provisional edge are told. */
  queries: readonly AskedFigure[]
  metrics: readonly MetricId[]
  says?: string
  /** In front of the footnote. */
  note?: string
  /** Made once; `of` gives the answer of a query as it is now. */
  children: (of: (query: number) => MetricAnswer) => JSX.Element
}

export function MetricTile(props: MetricTileProps): JSX.Element {
  const questions = useQuestions()
  const answers = () => {
    const list = props.queries.map((query) => query.state().data)
    return list.every((data) => data !== undefined) ? list : undefined
  }
  const failed = () => props.queries.find((query) => query.state().error)
  const first = () => props.queries[0]?.state()
  const print = () => {
    const data = first()?.data
    return printer(data?.unit ?? 'count', data?.currency ?? questions.currency())
  }
  return (
    <Tile
      {...props}
      level={3}
      definition={definitionOf(props, answers()?.[0])}
      isLoading={props.queries.some((query) => query.state().isLoading)}
      isStale={props.queries.some((query) => query.state().isPrevious)}
      footnote={
        <>
          {props.note}
          {props.note && first()?.data ? ' · ' : ''}
          <Standing answer={first()?.data} answeredMs={first()?.answeredMs} />
          <Show when={questions.isDiff() && answers()}>
            {' · '}
            <AgreementBadge figures={props.queries} print={print()} />
          </Show>
        </>
      }
    >
      <Show when={failed() && questions.isAway()}>
        <p class="empty">Waiting for {questions.isCloud() ? 'BigQuery' : 'history'}.</p>
      </Show>
      <Show when={!questions.isAway() && failed()}>
        {(query) => (
          <div class="tile-error" role="alert">
            <p>
              {query().state().error?.message} {query().state().error?.hint}
            </p>
            <Show when={query().state().error?.requestId}>
              {(id) => <p class="label">request {id()}</p>}
            </Show>
            <button type="button" class="button" onClick={() => query().retry()}>
              Try again
            </button>
          </div>
        )}
      </Show>
      <Show
        when={answers()}
        fallback={
          <Show when={!failed()}>
            <div class="skeleton" role="img" aria-label="Loading" />
          </Show>
        }
      >
        {(list) => props.children((query) => list()[query] as MetricAnswer)}
      </Show>
    </Tile>
  )
}

/** Age and provisional edge of an answer. */
function Standing(props: {
  answer: MetricAnswer | undefined
  answeredMs: number | undefined
}): JSX.Element {
  const page = usePage()
  const questions = useQuestions()
  const text = () => {
    const { answer, answeredMs } = props
    if (!answer || answeredMs === undefined) return ''
    // The tick of the live view moves the age on.
    page.live.nowMs()
    const age = ageWords(Date.now() - answeredMs)
    if (page.past()) return `${age} · past traffic is still coming in`
    const edge = answer.provisionalFrom
    const isOpen = questions.span().endsNow && answer.grain !== null
    const under = isOpen ? ` · the last ${answer.grain} is under way` : ''
    if (edge === null || edge >= answer.to) return `${age} · settled${under}`
    return `${age} · provisional from ${fullTime(Date.parse(edge), page.zone())}`
  }
  return <>{text()}</>
}

function definitionOf(props: MetricTileProps, answer: MetricAnswer | undefined): Definition {
  const questions = useQuestions()
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    title: props.title,
    says:
      props.says ??
      props.metrics.map((id) => `${metrics[id].title}: ${metrics[id].formula}`).join('. '),
    facts: [
      ['Range', `${iso(questions.span().fromMs)} to ${iso(questions.span().toMs)}, half-open`],
      ['Zone', questions.zone()],
      ...(answer?.currency ? ([['Currency', answer.currency]] as const) : []),
      ...(answer && answer.currencies.length > 1
        ? ([
            [
              'Other currencies',
              `${answer.currencies.filter((each) => each !== answer.currency).join(', ')}: left out, never converted`,
            ],
          ] as const)
        : []),
      ['Left out', 'test events, and every visitor with an event of a bot'],
      ['Settles', settleWords[metrics[props.metrics[0] as MetricId].settles]],
    ],
    metrics: props.metrics,
  }
}

const settleWords = {
  'at once': 'with the watermark; a late event restates its bucket',
  'with its sessions': 'when its sessions have ended: 30 minutes without activity',
  'with its carts': 'when its carts are judged and can no longer be recovered: up to 8 days',
} as const
