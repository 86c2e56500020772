import { everyRowIsThereOnce } from './kill.contract.ts'

everyRowIsThereOnce({ kills: 150, seed: 2 })
