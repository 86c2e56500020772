// The port on our broker, or on whatever KAFKA_BROKERS names.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { startBroker } from '#stack/kafka/start.ts'
import { connectKafka } from './connect.ts'
import { portContract } from './port.contract.ts'
import type { TestBroker } from './test-broker.ts'
import { brokerForTest, outsideBrokers, ownBroker } from './test-broker.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'slipway-port-'))
let broker: TestBroker

beforeAll(async () => {
  broker = await brokerForTest(() =>
    startBroker({ dataDir, initialRebalanceDelayMs: 0, ...ownBroker }),
  )
})

afterAll(async () => {
  await broker.close()
  rmSync(dataDir, { recursive: true })
})

portContract(outsideBrokers ?? 'our broker', async () =>
  connectKafka({ brokers: broker.address.split(','), clientId: 'port-test' }),
)
