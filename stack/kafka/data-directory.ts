// The broker's folder and who it belongs to:
//
//   lock        held by the one process that works here
//   meta.json   cluster id, node id, format, how often a broker was started here
//   clean       there only after a clean stop; removed before anything else is written
//   journal/    small state        logs/<topic id>/<partition>/    records
//
// The number of starts is the leader epoch of every partition.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { OperatingError } from '../base/errors.ts'
import { lockDirectory } from '../base/files.ts'
import type { FileLayer } from './log/file-layer.ts'

export interface DataDirectory {
  clusterId: string
  /** Which start this is, from 1 on. */
  starts: number
  /** The last stop was clean: every file is whole and synced. */
  wasClean: boolean
  journalDir: string
  logsDir: string
  /** Ends this process's hold; `clean` promises that everything was saved. */
  release(clean: boolean): void
}

interface Meta {
  version: number
  clusterId: string
  nodeId: number
  starts: number
}

const formatVersion = 1

export function openDataDirectory(files: FileLayer, dir: string, nodeId: number): DataDirectory {
  const lock = lockDirectory(dir, 'the Kafka broker')
  try {
    const before = readMeta(files, dir, nodeId)
    const wasClean = files.exists(join(dir, 'clean'))
    files.remove(join(dir, 'clean'))
    const meta = { ...before, starts: before.starts + 1 }
    files.writeWhole(join(dir, 'meta.json'), JSON.stringify(meta, null, 2) + '\n')
    const logsDir = join(dir, 'logs')
    files.makeDir(logsDir)
    files.syncDir(dir)
    return {
      clusterId: meta.clusterId,
      starts: meta.starts,
      wasClean,
      journalDir: join(dir, 'journal'),
      logsDir,
      release(clean) {
        if (clean) {
          files.writeWhole(join(dir, 'clean'), '')
          files.syncDir(dir)
        }
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

function readMeta(files: FileLayer, dir: string, nodeId: number): Meta {
  const path = join(dir, 'meta.json')
  if (!files.exists(path)) {
    // Kafka's cluster ids are 16 bytes in URL-safe base 64.
    const clusterId = randomBytes(16).toString('base64url')
    return { version: formatVersion, clusterId, nodeId, starts: 0 }
  }
  const meta = parseMeta(files.read(path).toString())
  if (!meta) {
    throw new OperatingError('the description of the data is damaged', {
      where: path,
      hint: 'put back a copy of this file, or start with another folder',
    })
  }
  if (meta.version !== formatVersion) {
    throw new OperatingError(`the data was written in format ${meta.version}`, {
      where: path,
      hint: `this broker reads format ${formatVersion}: use the version that wrote it, or another folder`,
    })
  }
  return meta
}

function parseMeta(text: string): Meta | undefined {
  try {
    const meta = JSON.parse(text) as Partial<Meta>
    const isWhole =
      typeof meta.clusterId === 'string' && Number.isInteger(meta.starts) && meta.version
    return isWhole ? (meta as Meta) : undefined
  } catch {
    return undefined
  }
}
