// The status of the live view in words, always in sight; never a toast.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import type { Live } from '../live/live.ts'
import type { LiveStatus } from '../live/status.ts'
import { count, duration } from './format.ts'
import { IconButton } from './icons.tsx'
import { clockTime } from './zone.ts'

export function Status(props: { live: Live; zone: string }): JSX.Element {
  const status = () => props.live.status()
  return (
    <div class={`status is-${status().name}`}>
      <span class="status-dot" aria-hidden="true" />
      <span class="status-text">{statusWords(status(), props.zone)}</span>
      <Show when={status().name !== 'connecting'}>
        <IconButton
          icon={props.live.isPaused() ? 'play' : 'pause'}
          label={props.live.isPaused() ? 'Resume live figures' : 'Pause live figures'}
          onClick={() => props.live.togglePause()}
        />
      </Show>
    </div>
  )
}

export function statusWords(status: LiveStatus, zone: string): string {
  // With no event on its way there is nothing to be behind of.
  const behind = status.behindMs === 0 ? 'up to date' : `${duration(status.behindMs)} behind`
  switch (status.name) {
    case 'connecting':
      return 'Connecting…'
    case 'live':
      return `Live · ${behind}`
    case 'quiet':
      return `Live, quiet · no event for a while · ${behind}`
    case 'lagging':
    case 'stale':
      return `${status.name === 'lagging' ? 'Lagging' : 'Stale'} · ${behind} · ${status.why}`
    case 'reconnecting':
      return `Reconnecting, try ${status.attempt}, in ${duration(status.inMs)}`
    case 'paused':
      return `Paused at ${clockTime(status.sinceMs, zone)} · ${count(status.waiting)} events waiting`
    case 'offline':
      return 'Offline · this browser has no network'
  }
}
