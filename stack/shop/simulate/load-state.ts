// How far past traffic is, in a small file that is written whole: which shop it is, how many records of its log are
// durable, whether the load is closed. The log is the same every time, so a count is all that a resume needs.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OperatingError } from '#stack/base/errors.ts'
import { writeFileAtomic } from '#stack/base/files.ts'

export interface LoadState {
  version: 1
  loadId: string
  seed: number
  days: number
  liveEventsPerSecond: number
  openingMs: number
  /** Records of the log that the broker has acknowledged, from the first on. */
  sentRecords: number
  isDone: boolean
}

export function readLoadState(dataDir: string): LoadState | undefined {
  const path = statePath(dataDir)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const state = JSON.parse(text) as LoadState
    if (state.version === 1 && Number.isSafeInteger(state.sentRecords)) return state
  } catch {
    // falls through to the one answer for a file that cannot be understood
  }
  throw new OperatingError('the state of the past traffic cannot be read', {
    where: path,
    hint: 'start with a fresh --data folder',
  })
}

export function writeLoadState(dataDir: string, state: LoadState): void {
  mkdirSync(dataDir, { recursive: true })
  writeFileAtomic(statePath(dataDir), `${JSON.stringify(state)}\n`)
}

function statePath(dataDir: string): string {
  return join(dataDir, 'past-traffic.json')
}
