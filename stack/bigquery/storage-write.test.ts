// The contract on the server of this folder, and what holds of it when an answer is lost and after kill -9.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { managedwriter } from '@google-cloud/bigquery-storage'
import { expect, test } from 'vitest'
import { PartProcess } from '../base/part-process.ts'
import { startBigQuery } from './start.ts'
import {
  connectParts,
  countOf,
  fields,
  openStream,
  rowsFrom,
  storageWriteContract,
  tables,
} from './storage-write.contract.ts'
import type { Parts } from './storage-write.contract.ts'

storageWriteContract({
  name: 'the embedded one',
  start: () => startBigQuery(),
  knownDifferences: {},
})

async function committedStream({ client, writer }: Parts): Promise<string> {
  await client.createDataset('d')
  await client.dataset('d').createTable('t', { schema: fields })
  const destinationTable = `${tables}/t`
  return writer.createWriteStream({ streamType: managedwriter.CommittedStream, destinationTable })
}

test('a committed stream keeps what was written although the answer was lost', async () => {
  const server = await startBigQuery()
  const parts = await connectParts(server.address, server.storageAddress)
  try {
    const name = await committedStream(parts)
    {
      using stream = await openStream(parts.writer, name)
      server.faults.set([{ method: 'AppendRows', code: 14, dropResponseAfterCommit: true }])
      await stream.append(rowsFrom(0, 2), 0).catch(() => {})
    }
    using again = await openStream(parts.writer, name)
    expect((await again.append(rowsFrom(0, 2), 0)).error?.code).toBe(6)
    expect(await countOf(parts, 't')).toEqual({ n: 2, ids: 2 })
  } finally {
    parts.writer.close()
    await server.close()
  }
})

test('what was appended before kill -9 is so after it, once', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'slipway-bigquery-kill-'))
  try {
    let name = ''
    let acknowledged = 0
    for (let life = 0; life < 3; life++) {
      const running = await startProcess(dataDir)
      if (life === 0) name = await committedStream(running)
      using stream = await openStream(running.writer, name)
      const repeated =
        acknowledged === 0 ? 6 : (await stream.append(rowsFrom(0, 1), acknowledged - 1)).error?.code
      expect(repeated).toBe(6)
      for (let n = 0; n < 5; n++) {
        const { error } = await stream.append(rowsFrom(acknowledged, 10), acknowledged)
        expect(error ?? null).toBeNull()
        acknowledged += 10
      }
      expect(await countOf(running, 't')).toEqual({ n: acknowledged, ids: acknowledged })
      await running.kill()
    }
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}, 60_000)

async function startProcess(dataDir: string): Promise<Parts & { kill(): Promise<void> }> {
  const main = new URL('./main.ts', import.meta.url).pathname
  const flags = ['--port', '0', '--storage-port', '0', '--control-port', '0', '--data', dataDir]
  const part = new PartProcess(main, flags)
  const { bigquery = '', bigqueryStorage = '' } = await part.ready
  const connected = await connectParts(bigquery, bigqueryStorage)
  return {
    ...connected,
    async kill() {
      await part.kill()
      connected.writer.close()
    },
  }
}
