// JSON in its bytes: the signs that hold it together, and what may stand in a text. For scans that make no object of it.

export const quote = 34
export const comma = 44
export const minus = 45
export const colon = 58
export const openBracket = 91
export const backslash = 92
export const closeBracket = 93
export const openBrace = 123
export const closeBrace = 125

/** 1: stands in a text as it is; 2: of UTF-8 beyond ASCII; 0: ends it, or is escaped. */
export const textBytes = new Uint8Array(256).map((_, byte) =>
  byte >= 128 ? 2 : byte < 32 || byte === quote || byte === backslash ? 0 : 1,
)

export const zero = 48

/** Behind the last byte there is none. */
export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57
}

export const nullWord = Buffer.from('null')
/** What a value may be that is no text, number, object or array. */
export const words = [Buffer.from('true'), Buffer.from('false'), nullWord]

/** Whether the known bytes stand there. */
export function isAt(bytes: Uint8Array, from: number, known: Uint8Array): boolean {
  for (let i = 0; i < known.length; i++) if (bytes[from + i] !== known[i]) return false
  return true
}
