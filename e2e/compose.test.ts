// compose.yaml says of each part only what the part really takes. No Docker engine is needed for that: the file is
// read, and every flag is held against the part's own --help.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { defaultPorts } from '#stack/base/ports.ts'

interface Service {
  image: string
  command: string[]
  ports?: string[]
  environment?: Record<string, string>
}

const { services } = parse(readFileSync('compose.yaml', 'utf8'), { merge: true }) as {
  services: Record<string, Service>
}
const own = Object.entries(services).filter(([, { image }]) => image === 'slipway')

function helpOf(command: readonly string[]): string {
  const words = command.slice(
    0,
    command.findIndex((word) => word.startsWith('--')),
  )
  return execFileSync(process.execPath, ['stack/slipway.ts', ...words, '--help'], {
    encoding: 'utf8',
  })
}

describe('compose.yaml', () => {
  test('runs every process of `slipway start` but the broker, from one image', () => {
    expect(own.map(([name]) => name).sort()).toEqual([
      'bigquery',
      'bridge',
      'history',
      'processor',
      'pubsub',
      'shop',
      'ui',
    ])
  })

  test.each(own)('%s is given flags that it has, and told where the others are', (_, service) => {
    const { command } = service
    const help = helpOf(command)
    const flags = command
      .filter((word) => word.startsWith('--'))
      .map((word) => word.split('=')[0] as string)
    expect(flags.length).toBeGreaterThan(0)
    expect(flags.filter((flag) => !help.includes(`  ${flag} `))).toEqual([])
    // Nobody else is on a container's loopback.
    const others = [...help.matchAll(/^ +(--\S+) .*\(default http:\/\/127\.0\.0\.1:/gm)]
    expect(
      others.map(([, flag]) => flag).filter((flag) => !flags.includes(flag as string)),
    ).toEqual([])
  })

  test.each([
    ['shop', defaultPorts.shop],
    ['history', defaultPorts.history],
    ['ui', defaultPorts.dashboard],
    ['pubsub', defaultPorts.pubsub],
  ])('%s is published on its own port, on loopback', (name, port) => {
    expect(services[name]?.ports).toEqual([`127.0.0.1:${port}:${port}`])
    expect(services[name]?.command.join(' ')).toMatch(new RegExp(`--port[= ]${port}\\b`))
  })

  test('every part reaches Redpanda by KAFKA_BROKERS', () => {
    for (const [, { environment }] of own)
      expect(environment?.['KAFKA_BROKERS']).toBe('redpanda:9092')
  })

  test('Redpanda is set to behave as the embedded broker in the four points where it differs', () => {
    expect(services['redpanda']?.command).toEqual(
      expect.arrayContaining([
        '--set=redpanda.auto_create_topics_enabled=true',
        '--set=redpanda.kafka_batch_max_bytes=1048588',
        '--set=redpanda.group_initial_rebalance_delay=0',
        '--set=redpanda.write_caching_default=false',
      ]),
    )
  })
})
