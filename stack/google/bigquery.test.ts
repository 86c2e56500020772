import { expect, test } from 'vitest'
import { connectStorageWrite } from './bigquery.ts'

test('a writer goes to the stand-in it is given, and to no address of a stranger', async () => {
  const target = { mode: 'emulator', projectId: 'shop' } as const
  const writer = await connectStorageWrite({ ...target, bigqueryStorage: '127.0.0.1:9' })
  expect(await writer.getClient().getProjectId()).toBe('shop')
  writer.close()
  await expect(
    connectStorageWrite({ ...target, bigqueryStorage: 'bigquerystorage.googleapis.com:443' }),
  ).rejects.toThrow('neither on this machine')
})
