// Files of others as they are; shuffled, in one and twelve partitions, and Online Retail II, in real-data.long.test.ts.

import { realDataInPartitions } from './real-data.contract.ts'

realDataInPartitions(4, [])
