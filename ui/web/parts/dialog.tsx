// A dialog of the browser's own kind: focus stays inside, Escape closes, the page behind is inert.

import type { JSX } from 'solid-js'
import { createUniqueId, onMount } from 'solid-js'
import { IconButton } from './icons.tsx'

export function Dialog(props: {
  title: string
  onClose(): void
  children: JSX.Element
}): JSX.Element {
  const titleId = createUniqueId()
  let dialog!: HTMLDialogElement
  onMount(() => dialog.showModal())
  return (
    <dialog
      ref={(element) => (dialog = element)}
      class="dialog"
      aria-labelledby={titleId}
      onClose={() => props.onClose()}
      onClick={(event) => event.target === dialog && dialog.close()}
    >
      <div class="dialog-body">
        <header>
          <h2 id={titleId}>{props.title}</h2>
          <IconButton icon="close" label="Close" onClick={() => dialog.close()} />
        </header>
        {props.children}
      </div>
    </dialog>
  )
}
