// One polite live region for what the chart cursor reads out, at most every half second. Live updates themselves are
// not announced.

import { createSignal } from 'solid-js'

const everyMs = 500

const [spoken, setSpoken] = createSignal('')
let waiting: string | undefined
let isQuiet = true

export const announcement = spoken

export function say(text: string): void {
  waiting = text
  if (!isQuiet) return
  speak()
}

function speak(): void {
  if (waiting === undefined) {
    isQuiet = true
    return
  }
  isQuiet = false
  setSpoken(waiting)
  waiting = undefined
  setTimeout(speak, everyMs)
}
