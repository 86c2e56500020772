// Update masks: which fields an update may change. Unknown and immutable ones are refused by name.

import type { FieldMask } from './messages.ts'
import { invalid } from './refused.ts'

export interface Fields {
  changeable: readonly string[]
  immutable: readonly string[]
}

/** What the mask takes of the wanted resource; its paths are snake_case or camelCase. */
export function changesOf<T extends object>(
  wanted: T,
  mask: FieldMask | null,
  { changeable, immutable }: Fields,
): Partial<T> {
  const paths = mask?.paths ?? []
  if (paths.length === 0) throw invalid('The update_mask must name at least one field.')
  const fields = paths.map((path) => {
    const [first = ''] = path.split('.')
    const field = first.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    if (immutable.includes(field)) {
      throw invalid(`Invalid update_mask provided in the request: the field ${path} is immutable.`)
    }
    if (!changeable.includes(field)) {
      throw invalid(`Invalid update_mask provided in the request: ${path} is not a known field.`)
    }
    return field as keyof T
  })
  return Object.fromEntries(fields.map((field) => [field, wanted[field]])) as Partial<T>
}
