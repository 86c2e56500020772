import { everyRowIsThereOnce } from './kill.contract.ts'

everyRowIsThereOnce({ ways: ['write-api'], kills: 11, seed: 1 })
everyRowIsThereOnce({ ways: ['load'], kills: 4, seed: 1 })
