// scratch
import { sample, record } from 'fast-check'
import { randomSettings, randomWorld } from './reference/random-world.ts'
import * as pp from './pipeline-properties.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
import { tables } from '#stack/contract/tables.ts'
import { memoryHistory, readTopics, tableRows } from './history/testing.ts'
const [n, seed, skip = ''] = process.argv.slice(2)
const skips = skip.split(',').filter(Boolean)
const size = { minEvents: 1, maxEvents: 30, spanMinutes: 20 * 60 }
const worlds = sample(record({ log: randomWorld(size), settings: randomSettings }), {
  numRuns: Number(n),
  seed: Number(seed),
})
async function diffs(log: any, settings: any): Promise<string[]> {
  for (const e of log) if (!decodeEvent(JSON.stringify(e)).ok) return []
  const p = pp.pipelineOf({ partitions: 1, settings, hasRetention: false })
  p.append(...log)
  p.drain()
  await using history = await memoryHistory(settings)
  await readTopics(p.log, history)
  const b: any = pp.worldOf(log, settings, Infinity)

  const out: string[] = []
  for (const t of ['events', 'sessions', 'carts', 'orders', 'order_lines', 'refunds']) {
    const a = await tableRows(history, t)
    const k = (r: any) => (tables as any)[t].key.map((c: string) => r[c]).join('|')
    const ma = new Map(a.map((r: any) => [k(r), r])),
      mb = new Map(b[t].map((r: any) => [k(r), r]))
    for (const [key, r] of mb) {
      const q: any = ma.get(key)
      if (!q) {
        out.push(`${t}: missing ${key}`)
        continue
      }
      for (const c of Object.keys(r as any))
        if (JSON.stringify(q[c]) !== JSON.stringify((r as any)[c]))
          out.push(
            `${t}.${c}: pipeline ${JSON.stringify(q[c])} reference ${JSON.stringify((r as any)[c])} at ${key}`,
          )
    }
    for (const key of ma.keys()) if (!mb.has(key)) out.push(`${t}: extra ${key}`)
  }
  return out
}
const seen = new Map<string, number>()
const kind = (d: string) => d.split(': ')[0] as string
const start = process.cpuUsage()
for (const { log, settings } of worlds) {
  const all = (await diffs(log, settings)).filter((d) => !skips.includes(kind(d)))
  for (const target of new Set(all.map(kind))) {
    const count = seen.get(target) ?? 0
    seen.set(target, count + 1)
    if (count >= 1) continue
    let s = settings,
      l: any[] = log
    const still = async (l2: any, s2: any) => (await diffs(l2, s2)).some((d) => kind(d) === target)
    if (await still(l, defaultSettings)) s = defaultSettings
    for (let step = 8; step >= 1; step >>= 1)
      for (let i = 0; i < l.length; i += step) {
        const t = l.toSpliced(i, step)
        if (await still(t, s)) {
          l = t
          i -= step
        }
      }
    console.log(
      '-----',
      target,
      Object.entries(s)
        .filter(([k, v]) => JSON.stringify((defaultSettings as any)[k]) !== JSON.stringify(v))
        .map(String)
        .join(' '),
    )
    for (const e of l.toSorted((a, b) => (a.eventTime < b.eventTime ? -1 : 1)))
      console.log(
        ' ',
        e.eventTime.slice(8, 23),
        e.receivedAt.slice(8, 19),
        e.source,
        e.eventId,
        e.anonymousId ?? '',
        e.userId ?? '',
        e.cartId ?? '',
        e.name,
        e.seq ?? '',
        JSON.stringify(e.data),
        JSON.stringify(e.context ?? {}).slice(0, 150),
      )
    for (const d of await diffs(l, s)) console.log('   >', d)
  }
}
console.log(seen, process.cpuUsage(start))
