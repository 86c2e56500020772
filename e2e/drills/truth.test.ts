import type { AskedWindow } from '#stack/shop/simulate/truth/comparison.ts'
import { historyEqualsTruth } from './truth.contract.ts'

const small = {
  records: 3000,
  /** By months, and cut through a quarter of an hour. */
  chooseWindows: (windows: AskedWindow[]) =>
    windows.filter(({ grain }) => grain === 'month' || grain === null),
}

historyEqualsTruth({ ...small, profile: 'full', seeds: [12] })
