// Run by `npm run prepare`, after installing: makes `npx slipway` this checkout's command (npm links the commands of
// dependencies only), and has Node compile every part once, so that the first start need not.

import { spawnSync } from 'node:child_process'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mains } from './parts.ts'
import { partEnvironment } from './supervise.ts'

const command = 'node_modules/.bin/slipway'

rmSync(command, { force: true })
if (process.platform === 'win32') {
  writeFileSync(`${command}.cmd`, '@node "%~dp0\\..\\..\\stack\\slipway.ts" %*\r\n')
} else {
  symlinkSync('../../stack/slipway.ts', command)
}

const { broker, pubsub, bigquery, processor, history, shop, ui, bridge } = mains
const parts = [broker, pubsub, bigquery, processor, history, shop, ui, bridge]
for (const main of [...parts, new URL('slipway.ts', import.meta.url).pathname]) {
  spawnSync(process.execPath, [main, '--help'], { env: { ...process.env, ...partEnvironment } })
}
