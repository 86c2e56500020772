// Update masks: which fields an update may change. Unknown and immutable ones are refused by name.

import type { FieldMask } from './messages.ts'
import { invalid } from './refused.ts'

export interface Fields {
  changeable: readonly string[]
  immutable: readonly string[]
}

/** Resource fields by their names in the code, from the snake_case or camelCase paths of a mask. */
export function maskedFields(mask: FieldMask | null, { changeable, immutable }: Fields): string[] {
  const paths = mask?.paths ?? []
  if (paths.length === 0) throw invalid('The update_mask must name at least one field.')
  return paths.map((path) => {
    const [first = ''] = path.split('.')
    const field = first.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
    if (immutable.includes(field)) {
      throw invalid(`Invalid update_mask provided in the request: the field ${path} is immutable.`)
    }
    if (!changeable.includes(field)) {
      throw invalid(`Invalid update_mask provided in the request: ${path} is not a known field.`)
    }
    return field
  })
}
