// Every scenario in history; read unevenly, in scenarios.long.test.ts.

import { scenariosInHistory } from './scenarios.contract.ts'

scenariosInHistory()
