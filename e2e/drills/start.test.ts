// What a person meets at the command line: ready, Ctrl-C, a second start with the same data, a taken port, a taken
// folder, wrong use.

import { execFile } from 'node:child_process'
import { createServer } from 'node:net'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { freePortOffset } from '../fixtures/free-ports.ts'
import { watchGooglePackages } from '../fixtures/google-packages.ts'
import { startStack } from '../fixtures/stack.ts'
import { pageView } from './page-view.ts'

describe('slipway start', () => {
  test(
    'stops on Ctrl-C with exit code 0 and no process left, and goes on with the same data',
    { timeout: 90_000 },
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'slipway-start-'))
      const first = await startStack({ dataDir })
      await first.post('shop', '/v1/events', pageView('kept'))
      await first.settle()
      expect(await first.stop()).toBe(0)
      expect(processesWith(dataDir)).toEqual([])
      await using second = await startStack({ dataDir, portOffset: first.portOffset })
      const rows = await second.rows<{ event_id: string }>('events')
      expect(rows.map((row) => row.event_id)).toEqual(['kept'])
    },
  )

  test(
    'with --cloud off starts nothing of the cloud side, and loads no client of Google',
    { timeout: 60_000 },
    async () => {
      const watched = watchGooglePackages()
      await using stack = await startStack({ env: watched.env })
      for (const part of ['pubsub', 'bigquery', 'bridge'])
        expect(() => stack.pidOf(part)).toThrow('no process of')
      expect(Object.keys(stack.addresses).sort()).toEqual(
        expect.not.arrayContaining(['pubsub', 'bigquery', 'bigqueryStorage', 'bridge']),
      )
      await stack.post('shop', '/v1/events', pageView('local'))
      await stack.settle()
      await stack.get('dashboard', '/api/health')
      expect(watched.loadedBy()).toEqual([])
    },
  )

  test('a taken port is named with its holder, exit code 3', { timeout: 60_000 }, async () => {
    const offset = await freePortOffset()
    const port = 4402 + offset
    const server = createServer().listen(port, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const dir = mkdtempSync(join(tmpdir(), 'slipway-start-'))
    const result = await slipway('start', '--data', dir, '--port-offset', String(offset))
    server.close()
    expect(result.code).toBe(3)
    expect(result.stderr).toContain(`port ${port} is taken`)
    expect(result.stderr).toContain(`(pid ${process.pid})`)
  })

  test(
    'a data directory in use is named with its holder, exit code 3',
    { timeout: 60_000 },
    async () => {
      await using stack = await startStack()
      const offset = await freePortOffset()
      const result = await slipway(
        'start',
        '--data',
        stack.dataDir,
        '--port-offset',
        String(offset),
      )
      expect(result.code).toBe(3)
      expect(result.stderr).toContain('the data directory is in use by slipway start (pid')
    },
  )

  test.each([
    [['strat'], 'there is no command "strat"'],
    [['start', '--days', 'many'], '--days is "many"'],
    [['start', 'now'], '"now" is no option'],
    [['import', 'no-such-file.ndjson'], 'this file cannot be read'],
    [['import', 'stack'], 'this is no file'],
    ...['doctor', 'import', 'rebuild', 'why', 'bench', 'dump-log'].map(unknownFlag),
    ...['broker', 'shop', 'processor', 'history', 'ui'].map(unknownFlag),
  ])('wrong use %j says what and what to do, exit code 2', async (args, message) => {
    const result = await slipway(...args)
    expect(result.code).toBe(2)
    expect(result.stderr).toContain(message)
    expect(result.stderr).toContain('what to do:')
  })
})

/** Every command says so in words, parts too. */
function unknownFlag(command: string): [args: string[], message: string] {
  return [[command, '--nope'], "Unknown option '--nope'"]
}

function slipway(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['stack/slipway.ts', ...args],
      { timeout: 30_000 },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
      },
    )
  })
}

function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
    } catch {
      return false
    }
  })
}
