// A first start as a person has it, with its days of past traffic: how long until all of it is in history, how long until
// it is in the stand-ins too, what each part takes of the processors for it, and the most memory that all parts had together.

import { startStack } from '../fixtures/stack.ts'
import { defaultPorts } from '#stack/base/ports.ts'
import type { Stack } from '../fixtures/stack.ts'
import type { Measurement } from './measurement.ts'
import { cpuSeconds, memoryMb, partsOf, sumOf } from './process-cost.ts'

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

export async function benchPast(): Promise<Measurement[]> {
  const startMs = performance.now()
  await using stack = await startStack({ args: ['--cloud', 'emulator'] })
  const peak = new Peak(stack)
  const events = await peak.until(() => eventsOfPast(stack))
  const inHistoryMs = performance.now() - startMs
  const atHistory = cpuSeconds(stack)
  await peak.until(() => isMirrored(stack))
  const inCloudMs = performance.now() - startMs
  const atEnd = cpuSeconds(stack)
  const perEvent = (seconds = 0) => (seconds * 1e6) / events
  const each = partsOf(stack).flatMap((part): Measurement[] => [
    { name: `past, CPU of ${part}`, value: perEvent(atHistory[part]), unit: 'µs/event' },
    { name: `past and mirror, CPU of ${part}`, value: perEvent(atEnd[part]), unit: 'µs/event' },
    { name: `past, of the most memory in ${part}`, value: peak.mb[part] ?? 0, unit: 'MB (PSS)' },
  ])
  return [
    { name: 'past, from the command until it is in history', value: inHistoryMs / 1000, unit: 's' },
    { name: 'past, until both lanes have caught up', value: inCloudMs / 1000, unit: 's' },
    { name: 'past, events', value: events, unit: 'events' },
    { name: 'past, most memory of all parts', value: sumOf(peak.mb), unit: 'MB (PSS)' },
    ...each,
  ]
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
      await new Promise((resolve) => setTimeout(resolve, pollMs))
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
