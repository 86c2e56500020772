// A folder has one owner; a write is whole or not there.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { InTheWayError } from './errors.ts'
import { lockDirectory, writeFileAtomic } from './files.ts'

const folder = () => mkdtempSync(join(tmpdir(), 'slipway-files-'))

describe('a directory lock', () => {
  test('names its living holder', () => {
    const dir = folder()
    writeFileSync(join(dir, 'lock'), `${process.ppid} slipway start\n`)
    expect(() => lockDirectory(dir, 'test')).toThrow(InTheWayError)
    expect(() => lockDirectory(dir, 'test')).toThrow(`slipway start (pid ${process.ppid})`)
  })

  test('of a dead holder is taken over, and released it is free', () => {
    const dir = folder()
    writeFileSync(join(dir, 'lock'), '999999999 gone\n')
    const lock = lockDirectory(dir, 'test')
    expect(readFileSync(join(dir, 'lock'), 'utf8')).toBe(`${process.pid} test\n`)
    lock.release()
    lockDirectory(dir, 'again').release()
  })
})

test('an atomic write replaces the whole file', () => {
  const path = join(folder(), 'state')
  writeFileAtomic(path, 'a long first text')
  writeFileAtomic(path, 'short')
  expect(readFileSync(path, 'utf8')).toBe('short')
})
