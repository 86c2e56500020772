// No network at all: a namespace with nothing but loopback. And with a network there, every listening socket is
// loopback's. Skipped, and said so, where the system gives no namespaces.

import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { outsideBrokers } from '#stack/kafka-client/test-broker.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { parts } from './kill.ts'

const inNamespace = (command: string) => ['-n', 'sh', '-c', `ip link set lo up && ${command}`]
const canIsolate = spawnSync('unshare', inNamespace('true')).status === 0
const isSkipped = !canIsolate || outsideBrokers !== undefined

describe('without a network', () => {
  test.skipIf(isSkipped)(
    `an event goes from the collector to history${isSkipped ? ' (skipped: no unshare or ip here, or a broker outside)' : ''}`,
    { timeout: 90_000 },
    () => {
      const program = `${process.execPath} e2e/drills/offline-program.ts`
      const said = execFileSync('unshare', inNamespace(program), {
        encoding: 'utf8',
        timeout: 80_000,
      })
      expect(JSON.parse(said)).toEqual({ interfaces: ['lo'], rows: ['offline-1'] })
    },
  )

  test('every part listens on loopback only', { timeout: 60_000 }, async () => {
    await using stack = await startStack()
    const listening = parts.flatMap((part) => listeningAddresses(stack, part))
    expect(listening.length).toBeGreaterThanOrEqual(parts.length)
    expect(new Set(listening)).toEqual(new Set(['127.0.0.1']))
  })
})

function listeningAddresses(stack: Stack, part: string): string[] {
  const pid = stack.pidOf(part)
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((cells) => cells[3] === '0A' && own.has(cells[9] ?? ''))
      .map((cells) => dotted(cells[1]?.split(':')[0] ?? '')),
  )
}

/** "0100007F" is 127.0.0.1, least significant byte first. */
function dotted(hex: string): string {
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => parseInt(byte, 16))
    .join('.')
}
