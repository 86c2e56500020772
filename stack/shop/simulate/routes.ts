// What others ask the simulator: the sales, which charts show as annotations, and for tests known traffic with the
// truth about it (POST /control/seed).

import type { Hono } from 'hono'
import type { DomainClock } from '#stack/base/clock.ts'
import { hourMs, isoTime } from '#stack/base/units.ts'
import { topics } from '#stack/contract/topics.ts'
import type { KafkaProducer } from '#stack/kafka-client/producer.ts'
import type { ShopEnv } from '../collector/routes.ts'
import { outgoingRecord } from './outgoing.ts'
import { seedScenario } from './scenarios.ts'
import type { Truth } from './truth/truth.ts'
import type { Traffic } from './traffic.ts'

interface Surroundings {
  traffic: Traffic | undefined
  domainClock: DomainClock
}

/** GET /v1/annotations?from=&to= → `{annotations: [{kind, from, to, label}]}`; the last day by default. */
export function addSimulatorRoutes(
  app: Hono<ShopEnv>,
  { traffic, domainClock }: Surroundings,
): void {
  app.get('/v1/annotations', (context) => {
    const nowMs = domainClock.now()
    const fromMs = timeOf(context.req.query('from')) ?? nowMs - 24 * hourMs
    const toMs = timeOf(context.req.query('to')) ?? nowMs
    const sales = traffic?.salesBetween(fromMs, toMs) ?? []
    const annotations = sales.map((sale) => ({
      kind: 'sale',
      from: isoTime(sale.fromMs),
      to: isoTime(sale.toMs),
      label: sale.label,
    }))
    return context.json({ annotations })
  })
}

interface SeedAnswer {
  scenario: string
  seed: number
  namespace: string
  records: number
  truth: Truth
  finalTruth: Truth
}

export function seedAction({
  producer,
  domainClock,
}: {
  producer: Pick<KafkaProducer, 'send'>
  domainClock: DomainClock
}): (body: unknown) => Promise<SeedAnswer> {
  return async (body) => {
    const { scenario = '', seed = 1, namespace = '', records, until } = body as Partial<SeedRequest>
    const seeded = await seedScenario({
      scenario,
      seed,
      namespace,
      nowMs: timeOf(until) ?? domainClock.now(),
      ...(records !== undefined && { records }),
    })
    const outgoing = seeded.records.map((record) => outgoingRecord(record))
    await producer.send([{ topic: topics.events.name, records: outgoing }])
    const { truth, finalTruth } = seeded
    return { scenario, seed, namespace, records: outgoing.length, truth, finalTruth }
  }
}

interface SeedRequest {
  scenario: string
  seed: number
  namespace: string
  records: number
  /** When the traffic ends, for the same world on every day; now, if absent. */
  until: string
}

function timeOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? NaN : Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
