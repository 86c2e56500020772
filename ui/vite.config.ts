// Builds the page into ui/dist: one entry, hashed assets, nothing loaded from elsewhere.
import { defineConfig } from 'vite'
import solid from 'vite-plugin-solid'

export default defineConfig({
  root: import.meta.dirname + '/web',
  base: '/',
  plugins: [solid()],
  build: { outDir: import.meta.dirname + '/dist', emptyOutDir: true, target: 'es2023' },
})
