import preactPreset from '@preact/preset-vite'
import { defineConfig } from 'vite'

export default defineConfig({
  root: 'src/web',
  plugins: [preactPreset()],
  build: { outDir: '../../dist/web', emptyOutDir: true, target: 'es2023' },
  logLevel: 'warn',
})
