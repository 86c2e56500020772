// Halves of surrogate pairs in what JSON holds.

import { limits } from './event-fields.ts'

/**
 * Half of a surrogate pair is no character, and whoever writes it as UTF-8 loses it. Halves come as escapes, since
 * UTF-8 has none, or in a text that was given as such. `value` is what the text holds.
 */
export function holdsHalfPair(text: string, value: unknown): boolean {
  const isSuspicious = text.includes('\\ud') || text.includes('\\uD') || !text.isWellFormed()
  return isSuspicious && !isWellFormed(value, 0)
}

function isWellFormed(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value !== 'object' || value === null) return true
  // Deeper than any event may be: another check refuses it.
  if (depth > 4 * limits.depth) return true
  if (Array.isArray(value)) return value.every((element) => isWellFormed(element, depth + 1))
  return Object.entries(value).every(
    ([key, inner]) => key.isWellFormed() && isWellFormed(inner, depth + 1),
  )
}
