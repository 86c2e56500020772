// What both sides say of a figure, beside each other, and whether they agree.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import { Icon } from '../../parts/icons.tsx'
import { usePage } from '../../parts/page-context.ts'
import { clockTime, fullTime } from '../../parts/zone.ts'
import type { Agreement } from './agreement.ts'
import { agreementWords, worstOf } from './agreement.ts'
import type { AskedFigure } from './questions.ts'

type Print = (value: number | null | undefined) => string

/** Of a tile: the worst of its figures, with the first place that differs. */
export function AgreementBadge(props: {
  figures: readonly AskedFigure[]
  print: Print
}): JSX.Element {
  const page = usePage()
  const agreements = () => props.figures.map((each) => each.agreement())
  const isWhole = () => agreements().every((each) => each !== undefined)
  const worst = () => worstOf(agreements().filter((each) => each !== undefined))
  const answeredMs = () => props.figures[0]?.state().answeredMs ?? 0
  const first = ({ first: told }: Agreement) =>
    told &&
    `first: ${placeWords(told.place, page.zone())}, local ${props.print(told.local)}, cloud ${props.print(told.cloud)}`
  return (
    <Show when={isWhole() && worst()} fallback={<span class="badge">not compared yet</span>}>
      {(agreement) => (
        <span class={`badge is-${agreement().kind}`} title={first(agreement())}>
          <Icon name={agreement().kind === 'equal' ? 'check' : 'alert'} />
          {agreementWords(agreement())}
          {agreement().kind === 'equal' ? ` as of ${clockTime(answeredMs(), page.zone())}` : ''}
          <Show when={agreement().cells !== 'figure' && first(agreement())}>
            {(words) => <span class="badge-first">· {words()}</span>}
          </Show>
        </span>
      )}
    </Show>
  )
}

/** A place is a moment, or the value of a dimension. */
function placeWords(place: string, zone: string): string {
  return /^\d{4}-\d\d-\d\dT/.test(place) ? fullTime(Date.parse(place), zone) : place
}

/** What the cloud has more, with its sign. */
export function differenceWords(local: number | null, cloud: number | null, print: Print): string {
  const difference = (cloud ?? 0) - (local ?? 0)
  if (difference === 0) return local === cloud ? '=' : print(cloud)
  return `${difference > 0 ? '+' : ''}${print(difference)}`
}

/** The cloud's figure, and what it has more. */
export function CloudFigure(props: {
  local: number | null
  cloud: number | null | undefined
  print: Print
}): JSX.Element {
  return (
    <Show when={props.cloud !== undefined} fallback={<span>cloud: asking…</span>}>
      <span>
        cloud {props.print(props.cloud)}
        {props.cloud === props.local
          ? ''
          : ` · ${differenceWords(props.local, props.cloud ?? null, props.print)}`}
      </span>
    </Show>
  )
}
