import { bigQueryEqualsHistory } from './parity.contract.ts'

bigQueryEqualsHistory({ scenario: 'full', seeds: [12, 13, 14], records: 30_000 })
