// Single-key shortcuts: never while typing or in a dialog, and all of them can be switched off (WCAG 2.1.4). Two keys
// in a row, as in `g h`, within a second.

import { shortcuts } from './preferences.ts'

const pairLimitMs = 1000

export function listenForKeys(table: Readonly<Record<string, () => void>>): () => void {
  let first: { key: string; atMs: number } | undefined
  const onKeyDown = (event: KeyboardEvent) => {
    if (shortcuts() === 'off' || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.defaultPrevented || isTyping(event.target)) return
    const key = event.key === ' ' ? 'Space' : event.key
    const pair = first && event.timeStamp - first.atMs < pairLimitMs ? `${first.key} ${key}` : key
    const run = table[pair] ?? table[key]
    first = { key, atMs: event.timeStamp }
    // Space belongs to a button that has the focus.
    if (!run || (key === 'Space' && event.target instanceof HTMLButtonElement)) return
    event.preventDefault()
    run()
  }
  document.addEventListener('keydown', onKeyDown)
  return () => document.removeEventListener('keydown', onKeyDown)
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLSelectElement ||
    target instanceof HTMLTextAreaElement ||
    (target instanceof Element && target.closest('dialog') !== null)
  )
}
