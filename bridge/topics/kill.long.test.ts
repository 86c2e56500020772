// 150 kills in two orderings.

import { killContract } from './kill.contract.ts'

killContract({ kills: 100, ordering: 'key', seed: 2 })
killContract({ kills: 50, ordering: 'partition', seed: 3 })
