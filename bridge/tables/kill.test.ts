import { everyRowIsThereOnce } from './kill.contract.ts'

everyRowIsThereOnce({ kills: 11, seed: 1 })
