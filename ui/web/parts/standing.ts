// How the cloud stands, asked while a page shows it: often of stand-ins, seldom of Google, since looking costs money there.

import type { Accessor } from 'solid-js'
import { createEffect, createSignal, onCleanup } from 'solid-js'
import type { CloudPlace } from '../../api/cloud.ts'
import type { Standing } from '../../api/cloud/routes.ts'
import { createQuery } from './query.ts'

const everyMs = { emulator: 5000, google: 30_000, off: 30_000 } as const

export interface StandingState {
  /** Undefined while no page asks for the cloud, and until the first answer. */
  standing: Accessor<Standing | undefined>
  lookAgain(): void
}

export function createStanding(
  isWanted: Accessor<boolean>,
  place: Accessor<CloudPlace | undefined>,
): StandingState {
  const [tick, setTick] = createSignal(0)
  const query = createQuery<Standing>(
    () => (isWanted() ? '/api/cloud/standing' : undefined),
    0,
    tick,
  )
  const lookAgain = () => setTick((count) => count + 1)
  createEffect(() => {
    const mode = place()?.mode
    if (!isWanted() || mode === undefined) return
    const timer = setInterval(() => !document.hidden && lookAgain(), everyMs[mode])
    onCleanup(() => clearInterval(timer))
  })
  return { standing: () => query.state().data, lookAgain }
}
