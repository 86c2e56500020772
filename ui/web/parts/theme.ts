// The theme in force: the person's choice, else the system's. Canvas needs it as a value; the page as an attribute.

import { createEffect, createSignal } from 'solid-js'
import type { Palette, ThemeName } from './palette.ts'
import { palettes } from './palette.ts'
import { setThemeChoice, themeChoice, themeChoices } from './preferences.ts'

const query = matchMedia('(prefers-color-scheme: dark)')
const [systemIsDark, setSystemIsDark] = createSignal(query.matches)
query.addEventListener('change', () => setSystemIsDark(query.matches))

export const theme = (): ThemeName => {
  const choice = themeChoice()
  if (choice !== 'system') return choice
  return systemIsDark() ? 'dark' : 'light'
}

export const palette = (): Palette => palettes[theme()]

export function nextTheme(): void {
  const next = themeChoices[(themeChoices.indexOf(themeChoice()) + 1) % themeChoices.length]
  if (next) setThemeChoice(next)
}

/** Called once, inside the page's root. */
export function followTheme(): void {
  createEffect(() => {
    document.documentElement.dataset['theme'] = theme()
  })
}
