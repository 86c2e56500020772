// ListPartitionReassignments, version 0: on one node none is ever under way.

import { listPartitionReassignments } from '../protocol/messages/cluster.ts'
import { route } from './route.ts'

export default route(listPartitionReassignments, () => ({
  throttleTimeMs: 0,
  errorCode: 0,
  errorMessage: null,
  topics: [],
}))
