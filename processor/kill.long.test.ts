// Ten kills under load.

import { killContract } from './kill.contract.ts'

killContract({ records: 60_000, kills: 10, seed: 11, timeoutMs: 600_000 })
