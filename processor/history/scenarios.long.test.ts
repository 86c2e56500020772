// Scenarios with money in history, read as they come and as it happens.

import { scenariosReadUnevenly } from './scenarios.contract.ts'

scenariosReadUnevenly()
