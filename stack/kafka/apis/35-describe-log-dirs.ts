// DescribeLogDirs, versions 1-4 (2: flexible; 3: error of the whole answer; 4: size of the disk): the one data folder
// and how large each partition in it is.

import { statfs } from 'node:fs/promises'
import type { BrokerServices } from '../broker.ts'
import { errorCodes } from '../protocol/errors.ts'
import { describeLogDirs } from '../protocol/messages/cluster.ts'
import type { Infer } from '../protocol/types.ts'
import { route } from './route.ts'

type Asked = Infer<typeof describeLogDirs.request>['topics']

export default route(describeLogDirs, async ({ topics }, { services }) => {
  const disk = await statfs(services.dataDir)
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    results: [
      {
        errorCode: errorCodes.NONE,
        logDir: services.dataDir,
        topics: sizes(topics, services),
        totalBytes: disk.blocks * disk.bsize,
        usableBytes: disk.bavail * disk.bsize,
      },
    ],
  }
})

function sizes(asked: Asked, { catalog, cluster }: BrokerServices) {
  const wanted =
    asked ??
    catalog.list().map(({ name, partitions }) => ({ name, partitions: [...partitions.keys()] }))
  return wanted
    .map(({ name, partitions }) => ({
      name,
      partitions: partitions.flatMap((index) => {
        const topic = catalog.byName(name)
        const log = topic && cluster.leads(topic, index) ? topic.partitions[index] : undefined
        return log ? [{ index, sizeBytes: log.sizeBytes, offsetLag: 0, isFutureKey: false }] : []
      }),
    }))
    .filter(({ partitions }) => partitions.length > 0)
}
