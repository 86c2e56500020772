// What could not be delivered: by code, and the newest entries with where each lies, why it was refused, and what to do.

import type { JSX } from 'solid-js'
import { For, Show } from 'solid-js'
import type { BridgeErrors } from '../../../api/bridge/errors.ts'
import { exact, plural } from '../../parts/format.ts'
import { usePage } from '../../parts/page-context.ts'
import { createQuery } from '../../parts/query.ts'
import { Tile } from '../../parts/tile.tsx'
import { fullTime } from '../../parts/zone.ts'
import { createTick } from './asking.ts'
import { StandingLine } from './standing.tsx'

export function Refused(): JSX.Element {
  const page = usePage()
  const { state } = createQuery<BridgeErrors>(() => '/api/bridge/errors', 0, createTick(5000))
  const known = () => state().data
  return (
    <Tile
      title="What was refused"
      class="span-12"
      isStale={state().error !== undefined}
      footnote={
        <>
          Kept in the topic <code>bridge-errors</code> and in history’s table{' '}
          <code>bridge_errors</code>, until it is delivered after all.
        </>
      }
    >
      <Show when={state().error}>
        {(error) => (
          <StandingLine standing={{ tone: 'warn', says: error().message, next: error().hint }} />
        )}
      </Show>
      <Show when={known()}>
        {(errors) => (
          <Show
            when={errors().open > 0}
            fallback={
              <StandingLine
                standing={{ tone: 'ok', says: 'Nothing: every record and row got through.' }}
              />
            }
          >
            <StandingLine
              standing={{
                tone: 'warn',
                says: `${plural(errors().open, 'record')} not delivered: ${errors()
                  .byCode.map(({ code, records }) => `${exact(records)} ${code}`)
                  .join(', ')}.`,
                next: '`npx slipway bridge retry-errors` sends once more what is refused for a reason that has passed; with `--dry-run` it only lists them. Rows of tables: `npx slipway bridge verify` shows what BigQuery is without.',
              }}
            />
            <div class="table-scroll" tabIndex={0} role="region" aria-label="Refused, newest first">
              <table class="data refused">
                <thead>
                  <tr>
                    <th scope="col">Where it lies</th>
                    <th scope="col" class="if-wide">
                      Code
                    </th>
                    <th scope="col">Why</th>
                    <th scope="col" class="if-wide">
                      Tries
                    </th>
                    <th scope="col" class="if-wide">
                      Last
                    </th>
                  </tr>
                </thead>
                <tbody>
                  <For each={errors().newest}>
                    {(entry) => (
                      <tr>
                        <th scope="row">{entry.position}</th>
                        <td class="if-wide">{entry.code}</td>
                        <td class="refused-why">{entry.reason}</td>
                        <td class="if-wide">{exact(entry.attempts)}</td>
                        <td class="if-wide">{fullTime(Date.parse(entry.last_at), page.zone())}</td>
                      </tr>
                    )}
                  </For>
                </tbody>
              </table>
            </div>
          </Show>
        )}
      </Show>
    </Tile>
  )
}
