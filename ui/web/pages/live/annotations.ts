// What happened in the shop in the last hour, on the charts of Live.

import type { Accessor } from 'solid-js'
import { createMemo } from 'solid-js'
import type { Shade } from '../../charts/model.ts'
import type { Stretch } from '../../parts/annotations.ts'
import { createAnnotations } from '../../parts/annotations.ts'
import type { PageContext } from '../../parts/page-context.ts'
import { hourMs, minuteMs } from './figures.ts'

/** Asked again every five minutes; a sale that is on ends in the future. */
const stepMs = 5 * minuteMs

export function lastHourAnnotations(page: PageContext): Accessor<Stretch[]> {
  const asked = createMemo(() => {
    const now = page.live.frame()?.nowMs
    return now === undefined ? undefined : Math.floor(now / stepMs) * stepMs
  })
  return createAnnotations(() => {
    const at = asked()
    return at === undefined ? undefined : { fromMs: at - hourMs, toMs: at + hourMs }
  })
}

export function eventShades(stretches: readonly Stretch[]): Shade[] {
  return stretches.map(({ fromMs, toMs, label }) => ({
    kind: 'event',
    from: fromMs,
    to: toMs,
    label,
  }))
}
