// Small files that must not lie: a line with the CRC of the rest, then the rest. A damaged one reads as absent.

import { crc32c } from '../protocol/crc32c.ts'
import type { FileLayer } from './file-layer.ts'

export function checkedText(text: string): string {
  return `${checksum(text)}\n${text}`
}

/** Undefined where there is none, or none that is whole. */
export function readChecked(files: FileLayer, path: string): string | undefined {
  if (!files.exists(path)) return undefined
  const whole = files.read(path).toString()
  const end = whole.indexOf('\n')
  const text = whole.slice(end + 1)
  return end === 8 && whole.slice(0, end) === checksum(text) ? text : undefined
}

function checksum(text: string): string {
  return crc32c(Buffer.from(text)).toString(16).padStart(8, '0')
}
