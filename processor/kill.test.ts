// Once in every run of the tests; kill.long.test.ts does it ten times.

import { killContract } from './kill.contract.ts'

killContract({ records: 4000, kills: 1, seed: 7, timeoutMs: 120_000 })
