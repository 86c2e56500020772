// How the cloud stands, in the header's words, and what is missing where it has no figures, step by step.

import type { JSX } from 'solid-js'
import { For, Show } from 'solid-js'
import type { Standing } from '../../api/cloud/routes.ts'
import type { Trouble } from '../../api/cloud/trouble.ts'
import { duration, plural } from './format.ts'
import { usePage } from './page-context.ts'
import { clockTime } from './zone.ts'

export function CloudStatus(): JSX.Element {
  const page = usePage()
  return (
    <div class={`status is-${toneOf(page.standing())}`}>
      <span class="status-dot" aria-hidden="true" />
      <span class="status-text">{standingWords(page.standing(), page.zone())}</span>
    </div>
  )
}

function toneOf(standing: Standing | undefined): string {
  if (!standing) return 'connecting'
  if (!standing.isReady) return 'stale'
  return standing.behind && standing.behind.rows > 0 ? 'lagging' : 'live'
}

function standingWords(standing: Standing | undefined, zone: string): string {
  if (!standing) return 'Asking the cloud…'
  if (!standing.isReady) return standing.trouble.title
  const { behind, cloud } = standing
  const newest = cloud.newestEventMs
  if (!behind) {
    return newest === null ? 'Cloud' : `Cloud · newest event ${clockTime(newest, zone)}`
  }
  if (behind.isOtherEpoch) return 'Cloud · history was rebuilt, the cloud holds rows of before'
  if (behind.rows === 0) return 'Cloud · has every row of history'
  const time = behind.ms > 0 ? `${duration(behind.ms)}, ` : ''
  return `Cloud · ${time}${plural(behind.rows, 'row')} behind`
}

export function TroublePanel(props: { trouble: Trouble }): JSX.Element {
  const page = usePage()
  return (
    <section class="panel" aria-labelledby="trouble">
      <h2 id="trouble">{props.trouble.title}</h2>
      <p>{props.trouble.says}</p>
      <ol class="steps">
        <For each={props.trouble.steps}>
          {({ says, command }) => (
            <li>
              {says}
              <Show when={command}>
                <pre tabIndex={0}>{command}</pre>
              </Show>
            </li>
          )}
        </For>
      </ol>
      <p>
        <button type="button" class="button" onClick={() => page.lookAgain()}>
          Look again
        </button>{' '}
        <Show when={page.url().source === 'cloud'}>
          <button type="button" class="button" onClick={() => page.change({ source: 'local' })}>
            Show local figures
          </button>
        </Show>
      </p>
    </section>
  )
}
