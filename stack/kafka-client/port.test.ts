// The port on whatever broker KAFKA_BROKERS names; the embedded broker's own tests run the same suite.

import { describe, test } from 'vitest'
import { connectKafka } from './connect.ts'
import { portContract } from './port.contract.ts'

const brokers = process.env['KAFKA_BROKERS']

if (brokers === undefined) {
  describe('the Kafka port on an outside broker', () => {
    test.skip('skipped: KAFKA_BROKERS names no broker', () => {})
  })
} else {
  portContract(brokers, async () =>
    connectKafka({ brokers: brokers.split(','), clientId: 'port-test' }),
  )
}
