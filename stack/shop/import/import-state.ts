// How far an import is, in a small file per set of files: the order of its records is the same every time, so a count
// is all that a resume needs.

import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { join, resolve } from 'node:path'
import { messageOf, OperatingError, UsageError } from '#stack/base/errors.ts'
import { writeFileAtomic } from '#stack/base/files.ts'
import { hashId } from '#stack/contract/ids.ts'

export interface ImportState {
  version: 1
  loadId: string
  /** Added to every time. */
  shiftMs: number
  /** Records that the broker has acknowledged, from the first on. */
  sentRecords: number
}

/** The same files, unchanged, are the same import. */
export function importKey(files: readonly string[], isRebased: boolean): string {
  const parts = files.map((file) => {
    const { size, mtimeMs } = readable(file)
    return `${resolve(file)} ${size} ${mtimeMs}`
  })
  return hashId(...parts, String(isRebased))
}

function readable(file: string): Stats {
  try {
    const stats = statSync(file)
    if (stats.isFile()) return stats
  } catch (error) {
    throw new UsageError('this file cannot be read', {
      where: `${file} (${messageOf(error).split(',')[0]})`,
      hint: 'name files that are there; folders are not read',
      cause: error,
    })
  }
  throw new UsageError('this is no file', { where: file, hint: 'name the files in it one by one' })
}

export class StateFile {
  readonly #path: string

  constructor(dir: string, key: string) {
    mkdirSync(dir, { recursive: true })
    this.#path = join(dir, `${key}.json`)
  }

  read(): ImportState | undefined {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const state = parsed(text)
    if (state?.version === 1 && Number.isSafeInteger(state.sentRecords)) return state
    throw new OperatingError('the state of an import cannot be read', {
      where: this.#path,
      hint: 'delete the file to import from the beginning; what is sent twice is dropped by its id',
    })
  }

  write(state: ImportState): void {
    writeFileAtomic(this.#path, `${JSON.stringify(state)}\n`)
  }

  remove(): void {
    rmSync(this.#path, { force: true })
  }
}

function parsed(text: string): ImportState | undefined {
  try {
    return JSON.parse(text) as ImportState
  } catch {
    return undefined
  }
}
