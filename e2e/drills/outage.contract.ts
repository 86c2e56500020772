// A target that is away for a minute while the shop goes on: both stand-ins hang, or are killed and stay so. What the bridge
// takes meanwhile is looked at each second; afterwards both lanes catch up, and nothing is missing.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunningBridge } from '#bridge/start.ts'
import { arrivals, judge, subscribe } from '#bridge/topics/arrivals.contract.ts'
import type { Arrival } from '#bridge/topics/arrivals.contract.ts'
import { systemClock } from '#stack/base/clock.ts'
import { PartProcess } from '#stack/base/part-process.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import { minuteMs, secondMs } from '#stack/base/units.ts'
import { connectPubSub } from '#stack/google/pubsub.ts'
import { connectKafka } from '#stack/kafka-client/connect.ts'
import { startStack } from '../fixtures/stack.ts'
import type { Stack } from '../fixtures/stack.ts'
import { topicWriter } from './topic-writer.ts'
import { traffic } from './traffic.ts'

export interface OutageOptions {
  tablesBy: 'write-api' | 'load'
  /** How the stand-ins are away. */
  kind: 'hang' | 'stay away'
  ratePerSecond: number
  forMs: number
}

export interface Outage {
  /** Resident memory of the bridge each second of the outage. */
  memoryMb: number[]
  lagBefore: number
  lagAfter: number
  catchUpMs: number
  /** Records of the topic of events that did not arrive, and those that came before an earlier one of their key. */
  missing: string[]
  early: string[]
  verified: { code: number; said: string }
}

const topic = 'ecommerce-events'
const projectId = 'slipway-local'
const partitions = 4
const warmUpMs = 20 * secondMs
const patienceMs = 5 * minuteMs
const lookMs = 500
/** As `slipway start` gives them. */
const young = '--max-semi-space-size=4'
const nodeFlags = {
  pubsub: ['--max-old-space-size=96', young, '--initial-old-space-size=32'],
  bigquery: ['--max-old-space-size=96', '--single-threaded-gc', young],
  bridge: ['--max-old-space-size=160', young, '--initial-old-space-size=64'],
}

export async function sufferOutage(options: OutageOptions): Promise<Outage> {
  const { tablesBy, kind, ratePerSecond, forMs } = options
  await using stack = await startStack()
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-outage-'))
  await using closing = new AsyncDisposableStack()
  closing.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  const port = (of: keyof typeof defaultPorts) => defaultPorts[of] + stack.portOffset
  const standIns = {
    pubsub: flags({ port: port('pubsub'), 'control-port': port('pubsubControl') }),
    bigquery: flags({
      port: port('bigquery'),
      'storage-port': port('bigqueryStorage'),
      'control-port': port('bigqueryControl'),
    }),
  }
  const startOne = (name: keyof typeof standIns) => {
    const data = ['--data', join(dataDir, name)]
    return new PartProcess(`stack/${name}/main.ts`, [...standIns[name], ...data], nodeFlags[name])
  }
  const startBoth = async () => {
    const both = [startOne('pubsub'), startOne('bigquery')]
    await Promise.all(both.map(({ ready }) => ready))
    return both
  }
  let running = await startBoth()
  closing.defer(async () => {
    await Promise.all(running.map((each) => each.kill()))
  })
  const pubsub = `127.0.0.1:${port('pubsub')}`
  const clients = await connectPubSub({ mode: 'emulator', projectId, pubsub })
  closing.defer(() => clients.close())
  await subscribe(clients, projectId, [topic])
  const bridge = new PartProcess(
    'bridge/main.ts',
    [
      'run',
      ...flags({ 'port-offset': stack.portOffset, data: join(dataDir, 'bridge') }),
      ...flags({ partitions, 'tables-by': tablesBy }),
    ],
    nodeFlags.bridge,
  )
  closing.defer(() => bridge.stop())
  const address = (await bridge.ready)['bridge'] as string
  const writing = write(stack, ratePerSecond, warmUpMs + forMs)
  await systemClock.sleep(warmUpMs)

  const lagBefore = await lagAt(address)
  if (kind === 'hang') for (const { pid } of running) process.kill(pid, 'SIGSTOP')
  else await Promise.all(running.map((each) => each.kill()))
  const memoryMb: number[] = []
  for (let ms = 0; ms < forMs; ms += secondMs) {
    memoryMb.push(residentMb(bridge.pid))
    await systemClock.sleep(secondMs)
  }
  const lagAfter = await lagAt(address)
  await writing
  if (kind === 'hang') for (const { pid } of running) process.kill(pid, 'SIGCONT')
  else running = await startBoth()

  const startMs = systemClock.monotonicMs()
  while ((await lagAt(address)) > 0 && systemClock.monotonicMs() - startMs < patienceMs)
    await systemClock.sleep(lookMs)
  const catchUpMs = systemClock.monotonicMs() - startMs
  const { missing, early } = await arrivedOf(stack, clients)
  const verified = await verify(stack)
  return { memoryMb, lagBefore, lagAfter, catchUpMs, missing, early, verified }
}

const flags = (given: Record<string, string | number>): string[] =>
  Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)])

/** Evenly over the time; the broker's own pace where it is slower. */
async function write(stack: Stack, ratePerSecond: number, forMs: number): Promise<void> {
  const startMs = systemClock.monotonicMs()
  const count = (ratePerSecond * forMs) / secondMs
  const events = traffic({ seed: 1, count, startMs: systemClock.now() - 30 * minuteMs })
  await using writer = await topicWriter(stack.addresses['kafka'] as string)
  await writer.write(events, (done) =>
    systemClock.sleep(Math.max(0, startMs + done * forMs - systemClock.monotonicMs())),
  )
}

/** Of what was written until now. */
async function arrivedOf(stack: Stack, clients: Awaited<ReturnType<typeof connectPubSub>>) {
  const brokers = (stack.addresses['kafka'] as string).split(',')
  const admin = await connectKafka({ brokers, clientId: 'outage' }).admin()
  const offsets = await admin.endOffsets(topic)
  await admin.close()
  const ends = offsets.map((offset, partition) => ({ topic, partition, offset }))
  const arrived: Arrival[] = []
  const untilMs = systemClock.monotonicMs() + patienceMs
  for (;;) {
    arrived.push(...(await arrivals(clients, projectId, topic)))
    const judged = judge(arrived, ends)
    if (judged.missing.length === 0 || systemClock.monotonicMs() > untilMs) return judged
    await systemClock.sleep(lookMs)
  }
}

async function lagAt(address: string): Promise<number> {
  const response = await fetch(`${address}/status`)
  const { lagRecords } = (await response.json()) as ReturnType<RunningBridge['status']>
  return lagRecords
}

function residentMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024
}

function verify({ portOffset }: Stack): Promise<{ code: number; said: string }> {
  const words = ['bridge', 'verify', '--port-offset', String(portOffset)]
  return new Promise((resolve) => {
    execFile(process.execPath, ['stack/slipway.ts', ...words], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, said: stdout || stderr }),
    )
  })
}
