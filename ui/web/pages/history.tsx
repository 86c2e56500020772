// History.
import type { JSX } from 'solid-js'
export default function HistoryPage(): JSX.Element {
  return <h1>History</h1>
}
