import { profiles } from '#stack/shop/simulate/profile.ts'
import { rulesEqualTruth } from './truth.contract.ts'

rulesEqualTruth({ name: 'an orderly shop', profile: profiles.calm, seeds: [1], records: 4000 })
rulesEqualTruth({ name: 'a disorderly shop', profile: profiles.full, seeds: [2], records: 4000 })
