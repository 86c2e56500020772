// Lane B alone: what history has of some days goes into the stand-in of BigQuery by Storage Write and by load jobs, each into a
// dataset of its own, and into Parquet files. Rows a second, and what each part takes of the processors for a row.

import { spawn } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { defaultPorts } from '#stack/base/ports.ts'
import { freePortOffset } from '../fixtures/free-ports.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import type { Measurement } from './measurement.ts'
import { eventsOfPast } from './past.ts'
import { cpuSeconds, cpuSecondsOf } from './process-cost.ts'

interface Status {
  lanes: { streams: { state: string; counts: { sent: number } }[] }[]
}

const pollMs = 100
/** Some 20,000 events. */
const days = 1
const exportMs = 3000

export async function benchLaneB(): Promise<Measurement[]> {
  await using stack = await startStack({
    args: ['--cloud', 'emulator', '--days', String(days)],
    // The bridge of the stack carries nothing.
    env: { SLIPWAY_LANES: '' },
  })
  while ((await eventsOfPast(stack)) === undefined) await passed(pollMs)
  return [
    ...(await benchWay(stack, 'write-api', 'Storage Write')),
    ...(await benchWay(stack, 'load', 'load jobs')),
    ...(await benchExport(stack)),
  ]
}

/** From the first rows that have arrived until all have. */
async function benchWay(stack: Stack, way: string, words: string): Promise<Measurement[]> {
  await using bridge = await startBridge(stack, way)
  const costOf = () => ({ ...cpuSeconds(stack), bridge: cpuSecondsOf(bridge.pid) })
  const begun = await bridge.until(({ sent }) => sent > 0)
  const startMs = performance.now()
  const before = costOf()
  const { sent } = await bridge.until(({ isThere }) => isThere)
  const seconds = (performance.now() - startMs) / 1000
  const after = costOf()
  const rows = sent - begun.sent
  return [
    { name: `lane B by ${words}`, value: rows / seconds, unit: 'rows/s', note: `${rows} rows` },
    ...(['history', 'bridge', 'bigquery'] as const).map((part) => ({
      name: `lane B by ${words}, CPU of ${part}`,
      value: (((after[part] ?? 0) - (before[part] ?? 0)) * 1e6) / rows,
      unit: 'µs/row',
    })),
  ]
}

interface Progress {
  sent: number
  isThere: boolean
}

interface Bridge extends AsyncDisposable {
  pid: number
  until(holds: (progress: Progress) => boolean): Promise<Progress>
}

/** A bridge beside that of the stack, with lane B alone. */
async function startBridge(stack: Stack, way: string): Promise<Bridge> {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bench-lane-b-'))
  const controlPort = defaultPorts.bridgeControl + (await freePortOffset())
  const flags = {
    'port-offset': stack.portOffset,
    'control-port': controlPort,
    data: dataDir,
    lanes: 'tables',
    'tables-by': way,
    dataset: `bench_${way.replace('-', '_')}`,
  }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.execPath, ['bridge/main.ts', 'run', ...args], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    pid: child.pid as number,
    async until(holds) {
      for (;;) {
        const progress = await progressOf(controlPort)
        if (progress && holds(progress)) return progress
        if (child.exitCode !== null) throw new Error(`the bridge ended with ${child.exitCode}`)
        await passed(pollMs)
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await ended
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function progressOf(controlPort: number): Promise<Progress | undefined> {
  const response = await fetch(`http://127.0.0.1:${controlPort}/status`).catch(() => undefined)
  const streams = ((await response?.json()) as Status | undefined)?.lanes[0]?.streams
  if (!streams) return undefined
  return {
    sent: streams.reduce((sum, { counts }) => sum + counts.sent, 0),
    isThere: streams.every(({ state }) => state === 'caught-up'),
  }
}

/** All tables as lane B reads them, again and again. */
async function benchExport(stack: Stack): Promise<Measurement[]> {
  const { tables } = await stack.get<{ tables: Table[] }>('history', '/v1/tables')
  const logs = tables.filter(({ name, kind }) => kind === 'once' && name !== 'bridge_errors')
  const path = join(mkdtempSync(join(tmpdir(), 'slipway-bench-export-')), 'table.parquet')
  const before = cpuSeconds(stack).history ?? 0
  const startMs = performance.now()
  let rows = 0
  while (performance.now() - startMs < exportMs) {
    for (const log of logs) {
      await download(`${stack.addresses['history']}/v1/export/${log.name}`, path)
      rows += log.rows
    }
  }
  const seconds = (performance.now() - startMs) / 1000
  const cpu = (cpuSeconds(stack).history ?? 0) - before
  rmSync(path)
  return [
    { name: 'history to Parquet files', value: rows / seconds, unit: 'rows/s' },
    { name: 'history to Parquet files, CPU of history', value: (cpu * 1e6) / rows, unit: 'µs/row' },
  ]
}

interface Table {
  name: string
  kind: 'once' | 'keyed'
  rows: number
}

async function download(url: string, path: string): Promise<void> {
  const { ok, status, body } = await fetch(url)
  if (!ok || !body) throw new Error(`${url} answers ${status}`)
  await pipeline(Readable.fromWeb(body as never), createWriteStream(path))
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
