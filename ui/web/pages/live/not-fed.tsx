// Live of the cloud where nothing feeds it: never local figures in their place.

import type { JSX } from 'solid-js'
import { usePage } from '../../parts/page-context.ts'

export function NotFed(): JSX.Element {
  const page = usePage()
  return (
    <section class="panel" aria-labelledby="not-fed">
      <h2 id="not-fed">Cloud Live is not fed</h2>
      <p>
        This dashboard does not read Pub/Sub, so it has no live figures of the cloud, and shows no
        others in their place. Local live figures are unaffected.
      </p>
      <p>
        <button type="button" class="button" onClick={() => page.change({ source: 'local' })}>
          Show Live of this machine
        </button>
      </p>
    </section>
  )
}
