// ElectLeaders, versions 0-2 (1: preferred or unclean election; 2: flexible). Who leads a partition is the
// preferred one, so no election is ever needed. Null topics ask about all partitions: those that need none are
// not listed, as in Kafka.

import { errorCodes } from '../protocol/errors.ts'
import { electLeaders } from '../protocol/messages/cluster.ts'
import { route } from './route.ts'

export default route(electLeaders, ({ topics }, { services: { catalog } }) => ({
  throttleTimeMs: 0,
  errorCode: 0,
  results: (topics ?? []).map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((index) =>
      catalog.byName(name)?.partitions[index]
        ? {
            index,
            errorCode: errorCodes.ELECTION_NOT_NEEDED,
            errorMessage: 'the only node leads already',
          }
        : {
            index,
            errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
            errorMessage: 'no such partition',
          },
    ),
  })),
}))
