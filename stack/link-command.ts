// Run by `npm run prepare`: makes `npx slipway` this checkout's command. npm links the commands of dependencies only,
// not those of the package itself.

import { rmSync, symlinkSync, writeFileSync } from 'node:fs'

const name = 'node_modules/.bin/slipway'

rmSync(name, { force: true })
if (process.platform === 'win32') {
  writeFileSync(`${name}.cmd`, '@node "%~dp0\\..\\..\\stack\\slipway.ts" %*\r\n')
} else {
  symlinkSync('../../stack/slipway.ts', name)
}
