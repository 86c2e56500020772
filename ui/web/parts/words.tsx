// A sentence in which what stands between backticks is a command.

import type { JSX } from 'solid-js'
import { For } from 'solid-js'

export function Words(props: { text: string }): JSX.Element {
  const pieces = () => props.text.split('`')
  return (
    <For each={pieces()}>{(piece, i) => (i() % 2 === 1 ? <code>{piece}</code> : <>{piece}</>)}</For>
  )
}
