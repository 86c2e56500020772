// A change against another period: percent for counts and money, points for rates, no arrow where the difference is
// within what chance alone does. The direction is never good or bad by colour.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import type { Compared } from './change.ts'
import { changeOf } from './change.ts'
import { Icon } from './icons.tsx'

export function Delta(props: { compared: Compared; against: string }): JSX.Element {
  const change = () => changeOf(props.compared)
  return (
    <Show when={change()}>
      {(now) => (
        <span class="delta" title={`${now().text} against ${props.against}`}>
          <Show when={now().direction !== 'same'}>
            <Icon name={now().direction === 'up' ? 'up' : 'down'} />
          </Show>
          {now().text}
          <span class="visually-hidden"> against {props.against}</span>
        </span>
      )}
    </Show>
  )
}
