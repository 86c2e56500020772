// Bridge: how the mirror stands in one sentence, what each lane has behind it and before it, what could not be
// delivered, and whether both sides hold the same number of rows.

import type { JSX } from 'solid-js'
import { createMemo, For, Show } from 'solid-js'
import type { BridgeAnswer } from '../../api/bridge.ts'
import type { BridgeStatus } from '../../api/bridge/status.ts'
import { usePage } from '../parts/page-context.ts'
import { createQuery } from '../parts/query.ts'
import { clockTime } from '../parts/zone.ts'
import { createTick } from './bridge/asking.ts'
import { Refused } from './bridge/errors.tsx'
import { Rates, standingOf } from './bridge/figures.ts'
import { LaneTile } from './bridge/lanes.tsx'
import { ParityStrip } from './bridge/parity.tsx'
import { StandingLine } from './bridge/standing.tsx'

const lanes = [
  ['topics', 'Topics to Pub/Sub', 'message'],
  ['tables', 'Tables to BigQuery', 'row'],
] as const

export default function BridgePage(): JSX.Element {
  const page = usePage()
  const { state } = createQuery<BridgeAnswer>(() => '/api/bridge', 0, createTick(2000))
  const answer = () => state().data
  // Of a bridge that went away the last word stays, dimmed.
  const status = createMemo<BridgeStatus | undefined>((before) => {
    const word = answer()?.word
    return word?.is === 'there' ? word.status : before
  })
  const seen = new Rates()
  const rates = createMemo(() => {
    const now = status()
    return now ? seen.see(now, performance.now()) : new Map<string, number>()
  })
  const laneOf = (name: string) => status()?.lanes.find(({ lane }) => lane === name)
  const retries = () => {
    const word = answer()?.word
    return word?.is === 'there' ? word.retries : []
  }
  return (
    <>
      <div class="page-head">
        <h1>Bridge</h1>
        <p class="label">
          <Show when={state().answeredMs} fallback="Asking…">
            {(answeredMs) => (
              <>
                as of {clockTime(answeredMs(), page.zone())} {page.zone()}
              </>
            )}
          </Show>
        </p>
      </div>
      <Show when={state().error}>
        {(error) => (
          <p class="banner is-bad" role="status">
            {error().message} {error().hint}
          </p>
        )}
      </Show>
      <Show when={answer()}>
        {(known) => (
          <>
            <StandingLine standing={standingOf(known())} isLead />
            <Show when={known().word.is !== 'off'}>
              <div class="grid">
                <ParityStrip />
                <For each={lanes}>
                  {([name, title, noun]) => (
                    <LaneTile
                      title={title}
                      noun={noun}
                      lane={laneOf(name)}
                      rates={rates()}
                      retries={name === 'topics' ? retries() : []}
                      isAway={known().word.is === 'away'}
                    />
                  )}
                </For>
                <Refused />
              </div>
            </Show>
          </>
        )}
      </Show>
    </>
  )
}
