// The colours that charts draw with, for canvas; theme.css has the same for the page, and a test keeps them equal.
// The order is the order of use. The smallest distance between any two under four kinds of vision is proved by test.

export type ThemeName = 'light' | 'dark'

export interface Palette {
  series: readonly string[]
  card: string
  text: string
  text2: string
  text3: string
  hairline: string
  grid: string
}

export const palettes: Record<ThemeName, Palette> = {
  light: {
    series: ['#175dd4', '#dc7d11', '#28a399', '#570356', '#775b00', '#5a5d64'],
    card: '#ffffff',
    text: '#14181f',
    text2: '#4a5361',
    text3: '#667085',
    hairline: '#dfe3e9',
    grid: '#ebeef2',
  },
  dark: {
    series: ['#759dfd', '#e5880c', '#71f7f2', '#a94ba1', '#eeeaa3', '#91959b'],
    card: '#161b22',
    text: '#e8ecf2',
    text2: '#a9b3c1',
    text3: '#8793a3',
    hairline: '#2a323d',
    grid: '#222a34',
  },
}
