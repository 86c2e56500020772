// scratch
import { sample, record } from 'fast-check'
import { randomSettings, randomWorld } from './reference/random-world.ts'
import * as pp from './pipeline-properties.ts'
import { decodeEvent } from '#stack/contract/decode.ts'
import { defaultSettings } from '#stack/contract/settings.ts'
const [n, seed, skip = ''] = process.argv.slice(2)
const skips = skip.split(',').filter(Boolean)
const size = { minEvents: 1, maxEvents: 60, spanMinutes: Number(process.env.SPAN ?? 1200) }
const worlds = sample(record({ log: randomWorld(size), settings: randomSettings }), {
  numRuns: Number(n),
  seed: Number(seed),
})
function diffs(log: any, settings: any): string[] {
  for (const e of log) if (!decodeEvent(JSON.stringify(e)).ok) return []

  const p = pp.pipelineOf({ partitions: 1, settings, hasRetention: false })
  p.append(...log)
  p.drain()
  const a: any = pp.tablesOf(p),
    b: any = pp.expectedOf(log, settings, Infinity)
  const out: string[] = []
  for (const t of Object.keys(b)) {
    const k = (r: any) =>
      [r.session_key && !r.cart_key ? r.session_key : '', r.cart_key, r.episode].join('|')
    const ma = new Map(a[t].map((r: any) => [k(r), r])),
      mb = new Map(b[t].map((r: any) => [k(r), r]))
    for (const [key, r] of mb) {
      const q: any = ma.get(key)
      if (!q) {
        out.push(`${t}: missing`)
        continue
      }
      for (const c of new Set([...Object.keys(r as any), ...Object.keys(q)]))
        if (JSON.stringify(q[c]) !== JSON.stringify((r as any)[c]))
          out.push(
            `${t}.${c}: pipeline ${JSON.stringify(q[c])} reference ${JSON.stringify((r as any)[c])}`,
          )
    }
    for (const key of ma.keys()) if (!mb.has(key)) out.push(`${t}: extra`)
  }
  return out
}
const seen = new Map<string, number>()
const kind = (d: string) => d.split(': pipe')[0] as string
for (const { log, settings } of worlds) {
  const found = diffs(log, settings).filter((d) => !skips.includes(kind(d)))
  if (found.length === 0) continue
  const target = kind(found[0] as string)
  const count = seen.get(target) ?? 0
  seen.set(target, count + 1)
  if (count >= 2) continue
  let s = settings,
    l: any[] = log
  const still = (l2: any, s2: any) => diffs(l2, s2).some((d) => kind(d) === target)
  for (const key of Object.keys(s)) {
    const t = { ...s, [key]: (defaultSettings as any)[key] }
    if (still(l, t)) s = t
  }
  for (let again = true; again;) {
    again = false
    for (let i = 0; i < l.length; i++) {
      const t = l.toSpliced(i, 1)
      if (still(t, s)) {
        l = t
        i--
        again = true
      }
    }
  }
  l = l.map((e, i) => {
    let cur = e
    for (const path of ['context', 'seq']) {
      const t = { ...cur }
      delete t[path]
      if (still(l.with(i, t), s)) cur = t
    }
    for (const path of Object.keys(cur.context ?? {})) {
      const t = { ...cur, context: { ...cur.context } }
      delete t.context[path]
      if (still(l.with(i, t), s)) cur = t
    }
    const data = cur.data
    for (const path of Object.keys(data)) {
      if (path === 'orderId') continue
      const t = { ...cur, data: { ...cur.data } }
      delete t.data[path]
      try {
        if (still(l.with(i, t), s)) cur = t
      } catch {}
    }
    return cur
  })
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
      JSON.stringify(e.context ?? {}),
    )
  for (const d of diffs(l, s)) console.log('   >', d)
}
console.log(seen)
