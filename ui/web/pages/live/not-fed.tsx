// Live of the cloud where nothing feeds it: what is missing and how to come by it; never local figures in their place.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import { usePage } from '../../parts/page-context.ts'

export function NotFed(): JSX.Element {
  const page = usePage()
  return (
    <>
      <div class="page-head">
        <h1>Live</h1>
      </div>
      <Show when={page.cloud()} fallback={<p class="empty">Asking where the cloud is…</p>}>
        <section class="panel" aria-labelledby="not-fed">
          <h2 id="not-fed">Cloud Live is not fed</h2>
          <p>
            This stack was started without a cloud side, so there is no Pub/Sub to read, and no
            local figures are shown in its place.
          </p>
          <p>
            Stop it and start it with <code>npm start -- --cloud emulator</code> for stand-ins on
            this machine, or with <code>--cloud google</code> for a project of Google; the bridge’s
            README says what that needs. The local side is unaffected.
          </p>
          <p>
            <button type="button" class="button" onClick={() => page.change({ source: 'local' })}>
              Show Live of this machine
            </button>
          </p>
        </section>
      </Show>
    </>
  )
}
