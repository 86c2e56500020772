// The column of Apache Kafka 4.3 beside what Apache Kafka 4.3.1 says of itself, which ../shared/tools/kafka starts. Where
// that is absent, a line says so.

import { afterAll, expect, test } from 'vitest'
import { freePort, startPeer } from '../base/peer.ts'
import { advertisedBy } from './personas.ts'
import { apiVersions } from './protocol/messages/cluster.ts'
import { apiTable } from './protocol/messages/index.ts'
import { WireClient } from './wire-client.ts'

const port = await freePort()
const kafkaArgs = ['--port', String(port)]
const kafka = await startPeer('kafka/start', kafkaArgs, process.env['SLIPWAY_SHARED'])

afterAll(() => kafka?.close())

test.skipIf(kafka === undefined)('Apache Kafka 4.3.1 advertises its column', async () => {
  using wire = await WireClient.connect(port)
  const request = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
  const { apiKeys } = await wire.call(apiVersions, 4, request)
  const rangeOf = (wanted: number) => {
    const found = apiKeys.find(({ apiKey }) => apiKey === wanted)
    return found && { lowest: found.minVersion, highest: found.maxVersion }
  }
  const asked = apiTable.map(({ key, name }) => [name, rangeOf(key)])
  expect(asked).toEqual(apiTable.map(({ name }) => [name, advertisedBy('kafka-4.3', name)]))
})
