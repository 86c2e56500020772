// `KAFKA_BROKERS=host:port npm run test:kafka`: the integration tests of every room on Apache Kafka or Redpanda, one file
// after the other, since topics have fixed names and each stack begins with an empty cluster. What is not in the list
// is about our own broker, or uses none.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: [
      'stack/kafka-client/port.test.ts',
      'stack/kafka/broker.test.ts',
      'stack/shop/shop.test.ts',
      'processor/processor.test.ts',
      'processor/kill.test.ts',
      'processor/history/history.test.ts',
      'ui/start.test.ts',
      'e2e/drills/*.test.ts',
    ],
    exclude: ['**/*.long.test.ts', '**/node_modules/**'],
    globalSetup: 'e2e/fixtures/outside-cluster.ts',
    testTimeout: 180_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    maxWorkers: 1,
  },
})
