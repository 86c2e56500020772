import { connect } from 'node:http2'
import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { listenGrpc } from './server.ts'
import { MiB } from '../base/units.ts'

test('a client may have megabytes under way before it is asked for more', async () => {
  const at = { host: '127.0.0.1', port: 0, clock: systemClock }
  const server = await listenGrpc({ ...at, services: [], messageBytesMax: MiB })
  const client = connect(`http://127.0.0.1:${server.port}`)
  const settings = () => client.remoteSettings?.initialWindowSize
  await expect.poll(settings).toBe(4 * MiB)
  // Of the connection, which counts beside those of its streams.
  await expect.poll(() => client.state.remoteWindowSize).toBe(4 * MiB)
  client.close()
  await server.close()
})
