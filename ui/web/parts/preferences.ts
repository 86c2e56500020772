// What a person sets for this browser: theme, and whether single keys are shortcuts. Where storage is refused the
// choice lasts as long as the page.

import { createSignal } from 'solid-js'

function stored<T extends string>(name: string, choices: readonly T[], fallback: T) {
  const key = `slipway.${name}`
  const [value, setValue] = createSignal<T>(read(key, choices) ?? fallback)
  const set = (chosen: T) => {
    setValue(() => chosen)
    try {
      localStorage.setItem(key, chosen)
    } catch {
      // refused: kept for this page only
    }
  }
  return [value, set] as const
}

function read<T extends string>(key: string, choices: readonly T[]): T | undefined {
  try {
    const text = localStorage.getItem(key)
    return choices.find((choice) => choice === text)
  } catch {
    return undefined
  }
}

export const themeChoices = ['system', 'light', 'dark'] as const
export const [themeChoice, setThemeChoice] = stored('theme', themeChoices, 'system')
export const [shortcuts, setShortcuts] = stored('shortcuts', ['on', 'off'] as const, 'on')
