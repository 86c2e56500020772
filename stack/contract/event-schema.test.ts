// The published schema is the one the field table makes. `npx vitest run -u` writes it again.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
