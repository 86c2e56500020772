// JSON in the one form that both sides of parity know: BigQuery keeps no order of members and no space between them, so
// JSON is shipped, and compared, with its members sorted and without any.

export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = value as Readonly<Record<string, unknown>>
  let text = ''
  for (const name of Object.keys(members).sort()) {
    text += `${text === '' ? '' : ','}${quoted(name)}:${canonicalJson(members[name])}`
  }
  return `{${text}}`
}

/** Names come again and again. */
const quotedNames = new Map<string, string>()
const quotedNamesMax = 1000

function quoted(name: string): string {
  const known = quotedNames.get(name)
  if (known !== undefined) return known
  const text = JSON.stringify(name)
  if (quotedNames.size < quotedNamesMax) quotedNames.set(name, text)
  return text
}
