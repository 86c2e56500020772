// Files of others, in few partitions; twelve of them, and Online Retail II, which takes a minute, in real-data.long.test.ts.

import { realDataInPartitions } from './real-data.contract.ts'

realDataInPartitions(4, [1])
