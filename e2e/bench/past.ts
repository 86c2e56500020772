// A first start as a person has it, with its days of past traffic: how long until all of it is in history, how long until
// it is in the stand-ins too, what each part takes of the processors for it, the most memory that all parts had together, what
// they take when nothing but live traffic is left to do, and how long the next start takes.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '#stack/base/clock.ts'
import { startStack } from '../fixtures/stack.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import type { Stack, StackOptions } from '../fixtures/stack.ts'
import type { Measurement } from './measurement.ts'
import { cpuSeconds, memoryMb, sumOf } from './process-cost.ts'
import type { PartName, PerPart } from './process-cost.ts'

interface Past {
  isLoading: boolean
  done: number
}

interface BridgeStatus {
  lagRecords: number
  lanes: { streams: unknown[] }[]
}

const pollMs = 1000
/** What a live shop has on its way at any time. */
const underWayMax = 100

/** What the past left to do is done by then, and memory given back. */
const restAfterMs = 30_000
const restMs = 60_000

export async function benchPast(name: string, cloud: 'emulator' | 'off'): Promise<Measurement[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-past-'))
  const args = ['--cloud', cloud]
  try {
    const measurements = await firstStart(name, { dataDir, args })
    await using again = await startStack({ dataDir, args })
    return [
      ...measurements,
      { name: `${name}, ready when started again`, value: again.readyMs / 1000, unit: 's' },
    ]
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}

async function firstStart(name: string, options: StackOptions): Promise<Measurement[]> {
  const startMs = performance.now()
  await using stack = await startStack(options)
  const peak = new Peak(stack)
  const events = await peak.until(() => eventsOfPast(stack))
  const inHistoryMs = performance.now() - startMs
  const atHistory = cpuSeconds(stack)
  const isMirroring = 'pubsub' in stack.addresses
  const mirrored = isMirroring ? await mirror(name, { stack, peak, startMs, events }) : []
  return [
    {
      name: `${name}, from the command until it is in history`,
      value: inHistoryMs / 1000,
      unit: 's',
    },
    { name: `${name}, events`, value: events, unit: 'events' },
    ...perEvent(name, atHistory, events),
    ...mirrored,
    { name: `${name}, most memory of all parts`, value: sumOf(peak.mb), unit: 'MB (PSS)' },
    ...each(peak.mb, (part) => `${name}, of the most memory in ${part}`, 'MB (PSS)'),
    ...(await rest(name, stack)),
  ]
}

interface Begun {
  stack: Stack
  peak: Peak
  startMs: number
  events: number
}

async function mirror(name: string, { stack, peak, startMs, events }: Begun) {
  await peak.until(() => isMirrored(stack))
  const seconds = (performance.now() - startMs) / 1000
  return [
    { name: `${name}, until both lanes have caught up`, value: seconds, unit: 's' },
    ...perEvent(`${name} and mirror`, cpuSeconds(stack), events),
  ]
}

function perEvent(name: string, seconds: PerPart, events: number): Measurement[] {
  const micros = Object.entries(seconds).map(([part, value]) => [part, (value * 1e6) / events])
  return each(Object.fromEntries(micros), (part) => `${name}, CPU of ${part}`, 'µs/event')
}

/** Live traffic, and no page open. */
async function rest(name: string, stack: Stack): Promise<Measurement[]> {
  await systemClock.sleep(restAfterMs)
  const before = cpuSeconds(stack)
  await systemClock.sleep(restMs)
  const shares = Object.entries(cpuSeconds(stack)).map(([part, seconds]) => [
    part,
    ((seconds - (before[part as PartName] ?? 0)) / restMs) * 1000 * 100,
  ])
  const ofParts = Object.fromEntries(shares) as PerPart
  const unit = '% of a core'
  return [
    { name: `${name}, afterwards, CPU of all parts`, value: sumOf(ofParts), unit },
    ...each(ofParts, (part) => `${name}, afterwards, CPU of ${part}`, unit),
  ]
}

function each(values: PerPart, nameOf: (part: string) => string, unit: string): Measurement[] {
  return Object.entries(values).map(([part, value]) => ({ name: nameOf(part), value, unit }))
}

/** The most memory that all parts had together, and who had it. */
class Peak {
  readonly #stack: Stack
  mb: ReturnType<typeof memoryMb>

  constructor(stack: Stack) {
    this.#stack = stack
    this.mb = memoryMb(stack)
  }

  async until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      await systemClock.sleep(pollMs)
      const now = memoryMb(this.#stack)
      if (sumOf(now) > sumOf(this.mb)) this.mb = now
      const found = await look()
      if (found !== undefined) return found
    }
  }
}

/** How many there are, once all of them are in history. */
export async function eventsOfPast(stack: Stack): Promise<number | undefined> {
  const { isLoading, done } = await stack.get<Past>('dashboard', '/api/past')
  return !isLoading && done > 0 ? done : undefined
}

async function isMirrored({ portOffset }: Stack): Promise<true | undefined> {
  const port = defaultPorts.bridgeControl + portOffset
  const response = await fetch(`http://127.0.0.1:${port}/status`)
  const { lagRecords, lanes } = (await response.json()) as BridgeStatus
  const haveBegun = lanes.length > 0 && lanes.every(({ streams }) => streams.length > 0)
  return haveBegun && lagRecords < underWayMax ? true : undefined
}
