import { dayMs, hourMs, minuteMs, secondMs } from '#stack/base/units.ts'
import { profiles } from '#stack/shop/simulate/profile.ts'
import type { Profile } from '#stack/shop/simulate/profile.ts'
import { rulesEqualTruth } from './truth.contract.ts'

/** Everything that is rare in `full` is common here. */
const storm: Profile = {
  ...profiles.full,
  duplicateShare: 0.03,
  lateCopyShare: 0.3,
  wrongClockShare: 0.05,
  secondDeviceShare: 0.8,
  orderServiceShare: 0.5,
  orderServiceOnlyShare: 0.4,
  delays: [
    { share: 0.75, fromMs: 0, toMs: 5 * secondMs },
    { share: 0.12, fromMs: 5 * secondMs, toMs: 5 * minuteMs },
    { share: 0.1, fromMs: 5 * minuteMs, toMs: dayMs },
    { share: 0.03, fromMs: dayMs + 1, toMs: 40 * hourMs },
  ],
}
const seeds = (from: number) => Array.from({ length: 10 }, (_, i) => from + i)

rulesEqualTruth({
  name: 'an orderly shop',
  profile: profiles.calm,
  seeds: seeds(100),
  records: 12_000,
})
rulesEqualTruth({
  name: 'a disorderly shop',
  profile: profiles.full,
  seeds: seeds(200),
  records: 12_000,
})
rulesEqualTruth({ name: 'a stormy shop', profile: storm, seeds: seeds(300), records: 12_000 })
