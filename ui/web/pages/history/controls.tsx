// Range, comparison and grain: presets, words ("last 36 h"), two dates, steps back and forth, and the way back from a
// zoom. All of it lives in the link.

import type { JSX } from 'solid-js'
import { createSignal, For, onCleanup, Show } from 'solid-js'
import { IconButton } from '../../parts/icons.tsx'
import { listenForKeys } from '../../parts/keys.ts'
import { usePage } from '../../parts/page-context.ts'
import type { Compare, GrainChoice } from '../../parts/url-state.ts'
import {
  compareChoices,
  grainChoices,
  parseRange,
  presets,
  printRange,
  stepped,
} from '../../parts/url-state.ts'
import { fullTime } from '../../parts/zone.ts'
import { useQuestions } from './questions.ts'

const compareNames: Record<Compare, string> = {
  none: 'no comparison',
  prev: 'period before',
  day: 'a day before',
  week: 'a week before',
  year: 'a year before',
}

export function Controls(): JSX.Element {
  const page = usePage()
  const questions = useQuestions()
  const range = () => printRange(page.url().range)
  const step = (direction: -1 | 1) =>
    page.change({
      range: stepped(page.url().range, direction, page.live.nowMs(), page.zone()),
    })
  const nextCompare = () => {
    const at = compareChoices.indexOf(page.url().compare)
    page.change({ compare: compareChoices[(at + 1) % compareChoices.length] as Compare })
  }
  onCleanup(
    listenForKeys({
      '[': () => step(-1),
      ']': () => step(1),
      c: nextCompare,
      u: () => history.back(),
    }),
  )
  return (
    <div class="controls">
      <div class="segments" role="group" aria-label="Range">
        <For each={presets}>
          {(preset) => (
            <button
              type="button"
              aria-pressed={range() === preset}
              onClick={() => page.change({ range: parseRange(preset) ?? page.url().range })}
            >
              {preset}
            </button>
          )}
        </For>
      </div>
      <OwnRange />
      <div class="stepper">
        <IconButton icon="left" label="Period before" onClick={() => step(-1)} />
        <IconButton icon="right" label="Period after" onClick={() => step(1)} />
      </div>
      <label class="field">
        <span class="visually-hidden">Compare with</span>
        <select
          value={page.url().compare}
          disabled={questions.isDiff()}
          onChange={(event) => page.change({ compare: event.target.value as Compare })}
        >
          <For each={compareChoices}>
            {(choice) => <option value={choice}>{compareNames[choice]}</option>}
          </For>
        </select>
      </label>
      <label class="field">
        <span class="visually-hidden">Grain</span>
        <select
          value={page.url().grain}
          onChange={(event) => page.change({ grain: event.target.value as GrainChoice })}
        >
          <For each={grainChoices}>
            {(choice) => (
              <option value={choice}>
                {choice === 'auto' ? `auto: by ${questions.grain()}` : `by ${choice}`}
              </option>
            )}
          </For>
        </select>
      </label>
      <p class="label range-words">
        {fullTime(questions.span().fromMs, page.zone())} –{' '}
        {questions.span().endsNow ? 'now' : fullTime(questions.span().toMs, page.zone())},{' '}
        {page.zone()}
        <Show when={questions.compared()}>
          {(other) => (
            <>
              {' '}
              · against {fullTime(other().fromMs, page.zone())} –{' '}
              {fullTime(other().toMs, page.zone())}
            </>
          )}
        </Show>
        <Show when={questions.isDiff()}> · history against the cloud as of the same row</Show>
        <Show when={!questions.isDiff() && !questions.compared() && page.url().compare !== 'none'}>
          {' '}
          · no comparison: history begins {fullTime(questions.oldestMs() ?? 0, page.zone())}
        </Show>
      </p>
    </div>
  )
}

function OwnRange(): JSX.Element {
  const page = usePage()
  const [problem, setProblem] = createSignal(false)
  const submit = (text: string) => {
    const range = parseRange(text)
    setProblem(range === undefined)
    if (range) page.change({ range })
  }
  return (
    <label class="field">
      <span class="visually-hidden">Own range, as “last 36 h” or “2026-11-01..2026-11-08”</span>
      <input
        type="text"
        class="own-range"
        placeholder="last 36 h"
        value={
          presets.some((preset) => preset === printRange(page.url().range))
            ? ''
            : printRange(page.url().range)
        }
        aria-invalid={problem()}
        title={problem() ? 'Write “36 h”, “3 weeks” or “2026-11-01..2026-11-08”' : 'Own range'}
        onChange={(event) => submit(event.target.value)}
      />
    </label>
  )
}
