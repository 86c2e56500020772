// The published schema is the one the field table makes. `npx vitest run -u` writes it again.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { schemaText } from './event-schema.ts'

test('event.schema.json is what the field table makes', async () => {
  await expect(schemaText()).toMatchFileSnapshot('event.schema.json')
})

test('every keyword that refers to a definition finds it', () => {
  const path = join(import.meta.dirname, 'event.schema.json')
  const schema = JSON.parse(readFileSync(path, 'utf8')) as { $defs: object }
  const references = JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/(\w+)"/g)
  const names = new Set([...references].map((match) => match[1]))
  expect(names).toEqual(new Set(Object.keys(schema.$defs)))
})

describe('the published schema, read by an independent validator', () => {
  const schema = JSON.parse(
    readFileSync(join(import.meta.dirname, 'event.schema.json'), 'utf8'),
  ) as object
  const isValid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
  const samples = readFileSync(join(import.meta.dirname, 'event-samples-1.0.ndjson'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

  test('accepts every sample of version 1.0', () => {
    expect(samples.length).toBeGreaterThan(5)
    expect(samples.filter((sample) => !isValid(sample))).toEqual([])
  })

  test.each([
    ['without a name', { name: undefined }],
    ['of another major version', { schemaVersion: '9.0' }],
    ['whose time is a number', { eventTime: 1_700_000_000 }],
  ])('refuses an event %s', (_, change) => {
    expect(isValid(JSON.parse(JSON.stringify({ ...samples[0], ...change })))).toBe(false)
  })
})
