// Other people's clients on a broker of ours and on Apache Kafka: what passes there must pass here. Writes the table in the
// README. Needs SLIPWAY_CLIENTS, a folder in which the clients are kept; SLIPWAY_CLIENT chooses one by its name.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { freePort, startPeer } from '../../base/peer.ts'
import { isoTime, minuteMs } from '../../base/units.ts'
import { fetch } from '../protocol/messages/data.ts'
import { metadata } from '../protocol/messages/cluster.ts'
import { codecOf, readBatchHeader } from '../protocol/record-batch.ts'
import type { RunningBroker } from '../start.ts'
import { startBroker } from '../start.ts'
import { WireClient } from '../wire-client.ts'
import { fetchOf } from '../wire-requests.ts'
import { programs } from './programs.ts'

const cache = process.env['SLIPWAY_CLIENTS']
const shared = process.env['SLIPWAY_SHARED'] ?? '../shared'
const chosen = programs.filter(({ client }) => client.includes(process.env['SLIPWAY_CLIENT'] ?? ''))
const patienceMs = 15 * minuteMs

if (cache === undefined) {
  process.stdout.write(
    'other people’s clients are skipped: SLIPWAY_CLIENTS names no folder for them\n',
  )
}

const allTopics = {
  topics: null,
  allowAutoTopicCreation: false,
  includeClusterAuthorizedOperations: false,
  includeTopicAuthorizedOperations: false,
}

type Result = 'pass' | 'fail' | 'skip'
type Results = Map<string, Result>

describe.skipIf(cache === undefined)('other people’s clients', () => {
  const port = { kafka: 0 }
  const columns: { client: string; ours: Results; kafka: Results }[] = []
  let dataDir = ''
  let broker: RunningBroker
  let kafka: Awaited<ReturnType<typeof startPeer>>

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'slipway-clients-'))
    broker = await startBroker({ dataDir })
    port.kafka = await freePort()
    kafka = await startPeer('kafka/start', ['--port', String(port.kafka)], shared)
  }, 120_000)

  afterAll(async () => {
    if (chosen.length === programs.length) await writeTable(columns)
    await kafka?.close()
    await broker.close()
    await rm(dataDir, { recursive: true, force: true })
  }, 60_000)

  test.each(chosen)(
    '$client does here what it does on Kafka',
    async (program) => {
      const command = await program.prepare({ cache: cache as string, shared })
      if ('absent' in command) {
        process.stdout.write(`${program.client} is skipped: ${command.absent}\n`)
        return
      }
      const ours = await resultsOf(command, broker.address)
      const onKafka = kafka ? await resultsOf(command, `127.0.0.1:${port.kafka}`) : new Map()
      columns.push({ client: program.client, ours, kafka: onKafka })
      const failed = [...ours].filter(([, result]) => result === 'fail').map(([name]) => name)
      expect(failed.filter((name) => onKafka.get(name) !== 'fail')).toEqual([])
      expect([...onKafka.keys()].filter((name) => !ours.has(name))).toEqual([])
      expect(ours.size).toBeGreaterThan(0)
    },
    3 * patienceMs,
  )

  // A client that does not find what it looks for in ApiVersions stores as it is and says nothing.
  test('what was to be compressed is', async () => {
    using client = await WireClient.connect(broker.port)
    const { topics } = await client.call(metadata, 1, allTopics)
    const names = topics.map(({ name }) => name ?? '').filter((name) => name.startsWith('codecs-'))
    for (const name of names) {
      const at = { index: 0, offset: 0, minBytes: 0, maxBytes: 10_000_000, isolationLevel: 0 }
      const { responses } = await client.call(fetch, 11, fetchOf(name, at))
      const bytes = Buffer.concat(responses[0]?.partitions[0]?.records ?? [])
      expect(codecsIn(bytes)).toEqual(new Set([0, 1, 2, 3, 4]))
    }
  })
})

async function resultsOf(command: readonly string[], brokers: string): Promise<Results> {
  const [program, ...args] = command
  const child = spawn(program as string, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BROKERS: brokers },
  })
  const closed = once(child, 'close')
  const results: Results = new Map()
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => (output += String(chunk)))
  child.stderr.on('data', (chunk: Buffer) => (errors = (errors + String(chunk)).slice(-20_000)))
  const late = systemClock.after(patienceMs, () => child.kill('SIGKILL'))
  await closed
  late.cancel()
  for (const [line, result, name] of output.matchAll(/^(pass|fail|skip) +(\S+).*/gm)) {
    if (result === 'fail') process.stdout.write(`${brokers}: ${line}\n`)
    results.set(name as string, result as Result)
  }
  if (results.size === 0 || [...results.values()].includes('fail')) process.stdout.write(errors)
  return results
}

function codecsIn(bytes: Buffer): Set<number> {
  const codecs = new Set<number>()
  for (let at = 0; at < bytes.length;) {
    const header = readBatchHeader(bytes, at)
    codecs.add(codecOf(header))
    at += header.sizeBytes
  }
  return codecs
}

const marks: Record<Result, string> = { pass: '✓', fail: '✗', skip: '–' }

async function writeTable(
  columns: readonly { client: string; ours: Results; kafka: Results }[],
): Promise<void> {
  const scenarios = [...new Set(columns.flatMap(({ ours }) => [...ours.keys()]))]
  const cell = (name: string, { ours, kafka }: (typeof columns)[number]) => {
    const result = ours.get(name)
    const there = kafka.get(name)
    if (result === undefined) return ''
    return (
      marks[result] + (there !== undefined && there !== result ? `, on Kafka ${marks[there]}` : '')
    )
  }
  const compared = columns.some(({ kafka }) => kafka.size > 0)
  const table = [
    `${isoTime(Date.now()).slice(0, 10)}, ${compared ? 'beside Apache Kafka 4.3.1' : 'Apache Kafka was not there to compare'}:`,
    '',
    `| | ${columns.map(({ client }) => client).join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...scenarios.map(
      (name) =>
        `| ${name.replaceAll('_', ' ')} | ${columns.map((column) => cell(name, column)).join(' | ')} |`,
    ),
  ].join('\n')
  const readme = new URL('../README.md', import.meta.url)
  const text = await readFile(readme, 'utf8')
  const between = /<!-- clients -->[\s\S]*<!-- \/clients -->/
  await writeFile(
    readme,
    text.replace(between, `<!-- clients -->\n\n${table}\n\n<!-- /clients -->`),
  )
}
