import { historyEqualsTruth } from './truth.contract.ts'

historyEqualsTruth({ profile: 'calm', seeds: [21, 22, 23], records: 50_000 })
historyEqualsTruth({ profile: 'full', seeds: [31, 32, 33], records: 50_000 })
