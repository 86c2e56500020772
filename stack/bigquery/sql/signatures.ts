// Which signature of a function a call means, and the call in DuckDB's words.

import type { Signature } from './function-table.ts'
import type { Typed } from './scope.ts'
import { coerce } from './casts.ts'
import { SqlError } from './sql-error.ts'
import { arrayOf, commonType, distance, typeText } from './types.ts'
import type { SqlType, TypeName } from './types.ts'

interface Match {
  signature: Signature
  cost: number
  types: SqlType[]
  result: SqlType
}

export interface Applied {
  args: string[]
  template: string
  result: SqlType
}

export function apply(
  name: string,
  signatures: readonly Signature[],
  args: readonly Typed[],
  at: number,
): Applied {
  const matches = signatures.flatMap((signature) => match(signature, args) ?? [])
  const [best] = matches.sort((a, b) => a.cost - b.cost)
  if (!best) {
    const given = args
      .map(({ type }) => (type.name === 'NULL' ? 'NULL' : typeText(type)))
      .join(', ')
    throw new SqlError(
      `No matching signature for function ${name} for argument types: ${given}`,
      at,
    )
  }
  return {
    args: args.map((arg, i) => coerce(arg, best.types[i] as SqlType) as string),
    template: best.signature.template,
    result: best.result,
  }
}

function match(signature: Signature, args: readonly Typed[]): Match | undefined {
  const { parameters, isVariadic } = signature
  if (isVariadic ? args.length < parameters.length : args.length !== parameters.length)
    return undefined
  const wanted = args.map((_, i) => parameters[Math.min(i, parameters.length - 1)] as string)
  const bound = new Map<string, SqlType>()
  for (const variable of ['T', 'U']) {
    const given = args.flatMap((arg, i) => {
      if (wanted[i] === variable) return [{ type: arg.type, isLiteral: arg.isLiteral === true }]
      if (wanted[i] !== `[${variable}]`) return []
      if (arg.type.name === 'NULL') return []
      return arg.type.name === 'ARRAY'
        ? [{ type: arg.type.of as SqlType, isLiteral: false }]
        : [undefined]
    })
    if (given.includes(undefined)) return undefined
    if (given.length === 0) continue
    const common = commonType(given as { type: SqlType; isLiteral: boolean }[])
    if (!common) return undefined
    bound.set(variable, common)
  }
  const types = wanted.map((text) => typeOf(text, bound))
  const costs = args.map(({ type, isLiteral }, i) =>
    distance(type, types[i] as SqlType, isLiteral === true),
  )
  if (costs.includes(undefined)) return undefined
  const cost = (costs as number[]).reduce((sum, each) => sum + each, 0)
  return { signature, cost, types, result: typeOf(signature.result, bound) }
}

function typeOf(text: string, bound: ReadonlyMap<string, SqlType>): SqlType {
  if (text.startsWith('[')) return arrayOf(typeOf(text.slice(1, -1), bound))
  return bound.get(text) ?? { name: (text === 'T' ? 'NULL' : text) as TypeName }
}

/** `$1` an argument, `$*` all with commas, `$| or |` all with what stands between the bars, `$now` the time. */
export function fill(template: string, args: readonly string[], now: string): string {
  return template.replace(
    /\$(\d|\*|now|\|([^|]*(?:\|\|)?[^|]*)\|)/g,
    (_, what: string, between: string | undefined) => {
      if (what === '*') return args.join(', ')
      if (what === 'now') return now
      if (between !== undefined) return args.join(between)
      return args[Number(what) - 1] as string
    },
  )
}
