// Asking again: a signal that moves every so often while the page is in sight.

import type { Accessor } from 'solid-js'
import { createSignal, onCleanup } from 'solid-js'

export function createTick(everyMs: number): Accessor<number> {
  const [tick, setTick] = createSignal(0)
  const timer = setInterval(() => !document.hidden && setTick((ticks) => ticks + 1), everyMs)
  onCleanup(() => clearInterval(timer))
  return tick
}
