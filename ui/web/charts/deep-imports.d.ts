// ECharts ships no types for its deep paths; each module below is one installer or the core's two functions.

declare module 'echarts/lib/core/echarts.js' {
  export { init } from 'echarts/core'
}
declare module 'echarts/lib/extension.js' {
  export { use } from 'echarts/core'
}
declare module 'echarts/lib/chart/line/install.js' {
  export function install(registers: unknown): void
}
declare module 'echarts/lib/chart/bar/install.js' {
  export function install(registers: unknown): void
}
declare module 'echarts/lib/component/grid/installSimple.js' {
  export function install(registers: unknown): void
}
declare module 'echarts/lib/component/dataset/install.js' {
  export function install(registers: unknown): void
}
declare module 'echarts/lib/renderer/installCanvasRenderer.js' {
  export function install(registers: unknown): void
}
