// The icons, as inline SVG: no font, nothing to load, and each machine draws them alike.

import type { JSX } from 'solid-js'

const paths = {
  info: 'M8 7.2v4M8 4.6v.1M14.5 8a6.5 6.5 0 1 1-13 0 6.5 6.5 0 0 1 13 0',
  table: 'M2 3.5h12v9H2zM2 6.5h12M2 9.5h12M6 3.5v9',
  chart: 'M2 13h12M3.5 10.5l3-3.5 2.5 2 4-5',
  download: 'M8 2.5v7M5 7l3 3 3-3M3 13h10',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5l7 4.5-7 4.5z',
  close: 'M4 4l8 8M12 4l-8 8',
  left: 'M9.5 3.5L5 8l4.5 4.5',
  right: 'M6.5 3.5L11 8l-4.5 4.5',
  sun: 'M8 5a3 3 0 1 1 0 6 3 3 0 0 1 0-6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M12.6 3.4l-.9.9M4.3 11.7l-.9.9',
  moon: 'M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1z',
  screen: 'M2 3h12v8H2zM5.5 13.5h5M8 11v2.5',
  keys: 'M1.5 4h13v8h-13zM4 6.7h.1M7 6.7h.1M10 6.7h.1M12.5 6.7h.1M4.5 9.5h7',
  check: 'M3 8.5l3.2 3L13 4.5',
  alert: 'M8 2L15 13.5H1zM8 6.5v3.2M8 11.6v.1',
  up: 'M8 12.5v-9M4.5 7L8 3.5 11.5 7',
  down: 'M8 3.5v9M4.5 9L8 12.5 11.5 9',
  undo: 'M6 3L3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6',
} as const

export type IconName = keyof typeof paths

export function Icon(props: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[props.name]} />
    </svg>
  )
}

export function IconButton(props: {
  icon: IconName
  label: string
  onClick(): void
  isPressed?: boolean
}): JSX.Element {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.isPressed}
      onClick={() => props.onClick()}
    >
      <Icon name={props.icon} />
    </button>
  )
}
