import { everyRowIsThereOnce } from './kill.contract.ts'

everyRowIsThereOnce({ ways: ['write-api'], kills: 150, seed: 2 })
everyRowIsThereOnce({ ways: ['load'], kills: 150, seed: 2 })
everyRowIsThereOnce({ ways: ['write-api', 'load'], kills: 60, seed: 2 })
