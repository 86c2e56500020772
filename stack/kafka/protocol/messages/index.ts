// The message table whole: what is in it is served, advertised, documented and tested.

import type { Api } from '../api.ts'
import * as cluster from './cluster.ts'
import * as data from './data.ts'
import * as group from './group.ts'
import * as login from './login.ts'
import * as topics from './topics.ts'
import * as transactions from './transactions.ts'

/** By key. */
export const apiTable: readonly Api<unknown, unknown>[] = Object.values({
  ...cluster,
  ...data,
  ...group,
  ...login,
  ...topics,
  ...transactions,
})
  // An entry's own message types matter to its handler; whoever goes through the table needs none of them.
  .map((entry) => entry as unknown as Api<unknown, unknown>)
  .sort((a, b) => a.key - b.key)
