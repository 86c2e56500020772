// Small promises about files: a folder that one process owns, and a write that is whole or not there.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { InTheWayError } from './errors.ts'

export interface DirectoryLock {
  release(): void
}

/** Takes `dir/lock` for this process. A lock whose holder is dead is taken over. */
export function lockDirectory(dir: string, holder: string): DirectoryLock {
  mkdirSync(dir, { recursive: true })
  const path = join(dir, 'lock')
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = openSync(path, 'wx')
      writeSync(handle, `${process.pid} ${holder}\n`)
      closeSync(handle)
      return { release: () => rmSync(path, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const [pid, ...who] = readLock(path).split(' ')
      if (isAlive(Number(pid)) && Number(pid) !== process.pid) {
        throw new InTheWayError(
          `the data directory is in use by ${who.join(' ') || 'another process'} (pid ${pid})`,
          {
            where: dir,
            hint: `stop that process, or choose another folder with --data`,
          },
        )
      }
      rmSync(path, { force: true })
    }
  }
  throw new InTheWayError('the data directory is being taken by another process', { where: dir })
}

/** Writes beside, syncs, renames: after a crash the file is the old one or the new one. */
export function writeFileAtomic(path: string, data: string | Uint8Array): void {
  const beside = `${path}.tmp`
  const handle = openSync(beside, 'w')
  try {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    for (let at = 0; at < bytes.length;) at += writeSync(handle, bytes, at)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(beside, path)
  syncDirectory(dirname(path))
}

/** Makes created and renamed names durable. Windows has no such call and needs none. */
export function syncDirectory(dir: string): void {
  if (process.platform === 'win32') return
  const handle = openSync(dir, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function readLock(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
