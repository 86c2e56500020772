// Values for any message of the table, made from its shape: random ones for property tests, and one in which every
// number and text is different, so that a field read from the wrong place shows. For tests only.

import * as fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import type { StructField } from './struct.ts'
import { zeroUuid } from './types.ts'
import type { Shape } from './types.ts'

type StructShape = Extract<Shape, { kind: 'struct' }>

/** Any value that the version can carry; fields that it has not are left out. */
export function arbitraryValue(
  shape: Shape,
  version: number,
  flexible: boolean,
): Arbitrary<unknown> {
  const some = arbitraryPresent(shape, version, flexible)
  return shape.nullable ? fc.option(some, { nil: null, freq: 4 }) : some
}

function arbitraryPresent(shape: Shape, version: number, flexible: boolean): Arbitrary<unknown> {
  switch (shape.kind) {
    case 'struct':
      return arbitraryStruct(shape, version, flexible)
    case 'array':
      return fc.array(arbitraryValue(shape.element, version, flexible), { maxLength: 3 })
    case 'int8':
      return fc.integer({ min: -128, max: 127 })
    case 'int16':
      return fc.integer({ min: -32768, max: 32767 })
    case 'int32':
      return fc.integer()
    case 'int64':
      return fc.maxSafeInteger()
    case 'boolean':
      return fc.boolean()
    case 'uuid':
      return fc.uuid()
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 12 })
    case 'bytes':
      return fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes))
    case 'records':
      return fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => [Buffer.from(bytes)])
  }
}

function arbitraryStruct(
  { fields }: StructShape,
  version: number,
  flexible: boolean,
): Arbitrary<unknown> {
  const members = fieldsOf(fields, version, flexible).map((field) => {
    const value = arbitraryValue(field.shape, version, flexible)
    return [field.name, field.tag === undefined ? value : fc.option(value, { nil: undefined })]
  })
  return fc.record(Object.fromEntries(members) as Record<string, Arbitrary<unknown>>)
}

function fieldsOf(
  fields: readonly StructField[],
  version: number,
  flexible: boolean,
): readonly StructField[] {
  return fields.filter(
    ({ from, to, tag }) => version >= from && version <= to && (tag === undefined || flexible),
  )
}

/** One element per array; error codes are 0, tagged fields are left out: clients treat both specially. */
export function sampleValue(shape: Shape, version: number): unknown {
  // Above any default that a client fills in.
  let next = 101
  const make = (each: Shape, name: string): unknown => {
    if (name.toLowerCase().endsWith('errorcode')) return 0
    switch (each.kind) {
      case 'struct':
        return Object.fromEntries(
          fieldsOf(each.fields, version, false).map((field) => [
            field.name,
            make(field.shape, field.name),
          ]),
        )
      case 'array':
        return [make(each.element, name)]
      case 'string':
        return `text ${next++}`
      case 'bytes':
        return Buffer.from(`bytes ${next++}`)
      case 'records':
        return []
      case 'boolean':
        return next++ % 2 === 0
      case 'uuid':
        return zeroUuid.slice(0, -4) + String(1000 + next++)
      case 'int8':
      case 'int16':
      case 'int32':
      case 'int64':
        return next++
    }
  }
  return make(shape, '')
}
