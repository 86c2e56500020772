// A few times in every run of the tests; kill.long.test.ts does it 150 times.

import { killContract } from './kill.contract.ts'

killContract({ kills: 3, ordering: 'key', seed: 3 })
