// The canonical form of JSON in its bytes is what JSON.parse and canonicalJson make of the same text.

import { expect, test } from 'vitest'
import { Random } from '#stack/base/random.ts'
import { CanonicalBytes } from './canonical-bytes.ts'
import { canonicalJson } from './canonical-json.ts'

const json = new CanonicalBytes()

/** Of a text between others, as it lies in a page. */
function canonicalOf(text: string): string {
  const [before, own] = ['12"}', text].map((each) => Buffer.from(each)) as [Buffer, Buffer]
  const bytes = Buffer.concat([before, own, Buffer.from('34,{"a":')])
  json.read(bytes, before.length, before.length + own.length)
  return json.bytes.toString('utf8', 0, json.length)
}

test('random JSON has the same form either way', () => {
  const random = new Random('canonical')
  for (let i = 0; i < 5000; i++) {
    const text = randomJson(random, 0)
    expect([text, canonicalOf(text)]).toEqual([text, canonicalJson(JSON.parse(text))])
  }
})

test.each([
  '-0',
  '[0,-1,-0,10,999999999999999,9007199254740993,12345678901234567890]',
  '[1.50,1e3,0.1,-0.0,1E-7,100000000000000000000000]',
  '{"b":1,"a":2,"b":3}',
  '{"a":1,"a":2}',
  '{"a b":1,"a":2,"a!":3,"aa":4,"":5}',
  '{"é":1,"e":2,"😀":3,"ﬀ":4}',
  '{"10":1,"9":2,"__proto__":{"b":1,"a":2}}',
  '{ "b" : [ 1 , 2 ] ,\n"a" : {} }',
  '"\\u00e9\\n\\"\\\\"',
  '"é😀\u2028\u007f"',
  `{${Array.from({ length: 100 }, (_, i) => `"m${(i * 37) % 100}":${i}`).join(',')}}`,
  `${'['.repeat(200)}${']'.repeat(200)}`,
  '{"z":{"y":{"x":[{"w":1,"v":[]},{"u":{"t":0,"s":true}}]},"a":null},"b":false}',
])('%s has the same form either way', (text) => {
  expect(canonicalOf(text)).toBe(canonicalJson(JSON.parse(text)))
})

test.each([
  '',
  '{',
  '{"a":1',
  '[1,]',
  '{"a"}',
  'tru',
  '01',
  '-',
  '1.',
  '"a',
  '{"a":1}}',
  '[1] ]',
  '"a\nb"',
])('%j is refused, as JSON.parse does', (text) => {
  expect(() => JSON.parse(text)).toThrow(SyntaxError)
  expect(() => canonicalOf(text)).toThrow(SyntaxError)
})

function randomJson(random: Random, depth: number): string {
  const kinds = ['text', 'number', 'word', ...(depth < 4 ? ['array', 'object', 'object'] : [])]
  const times = random.int(5)
  switch (random.pick(kinds)) {
    case 'text':
      return random.pick(['""', '"EUR"', '"é😀"', '"a\\"b"', '"\\n"', '"{[,:]}"'])
    case 'number':
      return random.pick(['0', '-1', '42', '1.5', '1e3', '-0', String(random.int(2 ** 40))])
    case 'word':
      return random.pick(['true', 'false', 'null'])
    case 'array':
      return `[${Array.from({ length: times }, () => randomJson(random, depth + 1)).join(',')}]`
    default: {
      const space = random.chance(0.05) ? ' ' : ''
      const members = Array.from({ length: times }, () => {
        const name = random.pick(['a', 'b', 'ab', 'a b', 'A', 'é', '1', '\\t', 'productId', ''])
        return `${space}"${name}":${randomJson(random, depth + 1)}`
      })
      return `{${members.join(',')}}`
    }
  }
}
