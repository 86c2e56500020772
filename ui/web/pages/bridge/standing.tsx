// How something stands, in a sentence with the next step.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import { Icon } from '../../parts/icons.tsx'
import { Words } from '../../parts/words.tsx'
import type { Standing } from './figures.ts'

const icons = { ok: 'check', warn: 'alert', bad: 'alert', plain: 'info' } as const

export function StandingLine(props: { standing: Standing; isLead?: boolean }): JSX.Element {
  return (
    <div
      class={`standing is-${props.standing.tone}`}
      classList={{ 'is-lead': props.isLead === true }}
      role={props.isLead ? 'status' : undefined}
    >
      <Icon name={icons[props.standing.tone]} />
      <div>
        <p>
          <Words text={props.standing.says} />
        </p>
        <Show when={props.standing.next}>
          {(next) => (
            <p class="standing-next">
              <Words text={next()} />
            </p>
          )}
        </Show>
      </div>
    </div>
  )
}
