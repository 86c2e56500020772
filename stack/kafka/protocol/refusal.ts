// The answer that says the same error of everything that a request named, made from the shapes of both: an element of
// the request gives its name or index to the element of the answer that belongs to it.

import type { Api } from './api.ts'
import type { StructField } from './struct.ts'
import type { Shape } from './types.ts'

type Fields = Record<string, unknown>

export function refusalOf(
  api: Api<unknown, unknown>,
  request: unknown,
  errorCode: number,
): unknown {
  return answerTo(api.response.shape, request, errorCode)
}

function answerTo(shape: Shape, asked: unknown, errorCode: number): unknown {
  if (shape.kind !== 'struct') return asked
  const source = fieldsOf(asked)
  const lists = Object.values(source).filter((value) => Array.isArray(value))
  return Object.fromEntries(
    shape.fields.map((field) => [
      field.name,
      field.name === 'errorCode' ? errorCode : fieldOf(field, { source, lists, errorCode }),
    ]),
  )
}

function fieldOf(
  { name, shape, tag }: StructField,
  { source, lists, errorCode }: { source: Fields; lists: unknown[][]; errorCode: number },
): unknown {
  const same = source[name]
  if (shape.kind === 'array' && shape.element.kind === 'struct') {
    // Where there is no list of this name, it is the first: `responses` answers `topics`.
    const list = Array.isArray(same) ? same : isAnswerToList(shape.element) ? lists[0] : undefined
    return list?.map((each) => answerTo(shape.element, each, errorCode)) ?? []
  }
  if (same !== undefined && shape.kind !== 'array' && shape.kind !== 'struct') return same
  if (name === 'throttleTimeMs') return 0
  return tag === undefined ? nothing(shape) : undefined
}

/** Only an element that has an error of its own, or whose elements have, answers something that was asked. */
function isAnswerToList(shape: Shape): boolean {
  if (shape.kind === 'array') return isAnswerToList(shape.element)
  if (shape.kind !== 'struct') return false
  return shape.fields.some((field) => field.name === 'errorCode' || isAnswerToList(field.shape))
}

/** Lists of plain values: partitions as numbers, groups as texts. */
function fieldsOf(asked: unknown): Fields {
  if (typeof asked === 'number') return { index: asked }
  if (typeof asked === 'string')
    return { name: asked, groupId: asked, transactionalId: asked, key: asked }
  return asked as Fields
}

function nothing(shape: Shape): unknown {
  return shape.nullable ? null : nothingOf[shape.kind]
}

/** As Kafka answers where there is nothing to tell; the rest as a reader finds it that has no such field. */
const nothingOf: Partial<Record<Shape['kind'], unknown>> = {
  array: [],
  records: [],
  string: '',
  boolean: false,
  int8: -1,
  int16: -1,
  int32: -1,
  int64: -1,
}
