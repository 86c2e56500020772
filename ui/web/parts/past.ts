// Whether past traffic is still on its way into history: asked when the page opens, and again while it is.

import type { Accessor } from 'solid-js'
import { createSignal, onCleanup } from 'solid-js'
import type { Past } from '../../api/past.ts'
import { exact, percent } from './format.ts'

const askAgainMs = 2000

/** Undefined when it is through, or not known. */
export function createPast(): Accessor<Past | undefined> {
  const [past, setPast] = createSignal<Past>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isGone = false
  const ask = async () => {
    const known = await fetch('/api/past')
      .then((response) => (response.ok ? (response.json() as Promise<Past>) : undefined))
      .catch(() => undefined)
    if (isGone) return
    setPast(known?.isLoading ? known : undefined)
    if (!known || known.isLoading) timer = setTimeout(() => void ask(), askAgainMs)
  }
  void ask()
  onCleanup(() => {
    isGone = true
    clearTimeout(timer)
  })
  return past
}

export function pastWords({ done, total }: Past): string {
  const share = percent(total === 0 ? 0 : done / total)
  return `Past traffic is on its way in: ${exact(done)} of ${exact(total)} events are in history (${share}).`
}

const steps = 5

/** Moves on a few times while the past comes in: when what was asked before is worth asking again. */
export const pastStep = (past: Past | undefined): number =>
  past ? Math.floor((past.done / Math.max(1, past.total)) * steps) : steps
