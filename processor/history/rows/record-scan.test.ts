// What is read in a record's bytes is what JSON.parse makes of them, or is not read at all.

import { describe, expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { RecordScan } from './record-scan.ts'

const scan = new RecordScan({
  id: 'text',
  seq: 'integer',
  context: { page: { url: 'text' }, test: 'truth' },
  data: { items: [{ productId: 'text', quantity: 'integer' }] },
  extra: 'any',
})

const sample = {
  id: 'e-1',
  seq: 12,
  unknown: [{ deep: [1, -2.5e3, 'x'] }, null, true],
  context: { page: { url: 'https://shop.example/é', title: 'T' }, test: false },
  data: { items: [{ productId: 'P', quantity: 2 }, { productId: 'Q' }, { productId: '\\n' }] },
  extra: { a: 'b\n', c: [] },
}

type Read = Record<string, unknown>

/** As values, so that numbers and escapes may be written in any way. */
function readOf(text: string): Read | undefined {
  if (!scan.scan(Buffer.from(text, 'latin1'))) return undefined
  const value = (start: number, end: number) => scan.bytes.toString('utf8', start, end)
  const at = (path: string, quote = '') => {
    const slot = scan.slotOf(path)
    const start = scan.starts[slot] as number
    return start === -1 ? undefined : parse(value(start, scan.ends[slot] as number), quote)
  }
  const items = Array.from({ length: scan.elementCount }, (_, element) => {
    const place = element * scan.elementWidth + scan.slotOf('data.items.productId')
    const start = scan.elementStarts[place] as number
    return start === -1 ? undefined : parse(value(start, scan.elementEnds[place] as number), '"')
  })
  return {
    id: at('id', '"'),
    seq: at('seq'),
    url: at('context.page.url', '"'),
    test: at('context.test'),
    extra: at('extra'),
    data: at('data'),
    items,
  }
}

function parse(text: string, quote: string): unknown {
  return JSON.parse(quote + text + quote)
}

function parsedOf(text: string): Read {
  const { id, seq, context, extra, data } = JSON.parse(
    Buffer.from(text, 'latin1').toString(),
  ) as typeof sample
  return {
    id: id ?? undefined,
    seq: seq ?? undefined,
    url: context?.page?.url ?? undefined,
    test: context?.test ?? undefined,
    extra: extra ?? undefined,
    data: data ?? undefined,
    items: (data?.items ?? []).map(({ productId }) => productId ?? undefined),
  }
}

const whole = Buffer.from(JSON.stringify(sample)).toString('latin1')

describe('a scan', () => {
  test('reads every field of a record, and its list element by element', () => {
    expect(readOf(whole)).toEqual(parsedOf(whole))
    expect(readOf(whole)?.['items']).toEqual(['P', 'Q', '\\n'])
  })

  test('takes null for absent', () => {
    const text = JSON.stringify({ ...sample, id: null, context: null, data: { items: null } })
    expect(readOf(text)).toMatchObject({ id: undefined, test: undefined, items: [] })
  })

  test.each([
    ['spread over lines', JSON.stringify(sample, null, 1)],
    ['a field twice', whole.replace('"seq":12', '"seq":12,"seq":13')],
    ['with a name in escapes', whole.replace('"id"', '"\\u0069d"')],
    ['of another kind', whole.replace('"e-1"', '1')],
    ['cut off', whole.slice(0, -1)],
    ['more behind it', `${whole} `],
    ['not UTF-8', whole.replace('e-1', 'e-\xff')],
    ['no object', '[]'],
    ['empty', ''],
  ])('leaves to JSON.parse what is %s', (_, text) => {
    expect(readOf(text)).toBeUndefined()
  })

  test('accepts no text that JSON.parse refuses, and reads the same, however a record is mutilated', () => {
    const random = new Random(3)
    const spare = '"{}[]:,\\0123456789.eE+-truefalsn \u0001ué'
    let accepted = 0
    for (let i = 0; i < 30_000; i++) {
      let text = whole
      for (let n = 1 + random.int(2); n > 0; n--) {
        const at = random.int(text.length)
        const put = random.int(3) === 0 ? '' : (spare[random.int(spare.length)] as string)
        text = text.slice(0, at) + put + text.slice(at + random.int(2))
      }
      const found = readOf(text)
      if (found === undefined) continue
      accepted++
      expect(found).toEqual(parsedOf(text))
    }
    expect(accepted).toBeGreaterThan(1000)
  })
})
