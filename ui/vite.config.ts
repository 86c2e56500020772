// Builds the page into ui/dist: one entry, hashed assets, nothing loaded from elsewhere; beside each text asset its
// brotli and gzip form, which the server hands out as they are.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { defineConfig } from 'vite'
import type { Plugin } from 'vite'
import solid from 'vite-plugin-solid'

const outDir = join(import.meta.dirname, 'dist')

export default defineConfig({
  root: join(import.meta.dirname, 'web'),
  base: '/',
  plugins: [solid(), precompressed()],
  build: {
    outDir,
    emptyOutDir: true,
    target: 'es2023',
    // The policy of the page allows no inline script, so none is made.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
})

function precompressed(): Plugin {
  return {
    name: 'precompressed',
    apply: 'build',
    closeBundle() {
      for (const name of readdirSync(outDir, { recursive: true }) as string[]) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue
        const path = join(outDir, name)
        const text = readFileSync(path)
        const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
        writeFileSync(`${path}.br`, brotliCompressSync(text, { params: quality }))
        writeFileSync(`${path}.gz`, gzipSync(text, { level: constants.Z_BEST_COMPRESSION }))
      }
    },
  }
}
