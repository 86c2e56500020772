// The shared worker: one stream for all tabs of this browser that want its source, which its name says. Tabs say whether they are visible; a minute after the
// last one was hidden the stream is closed, and resumed from the last frame when one is shown again. A tab that is
// gone without a word is noticed by the lock that it held.

import type { FromTab, ToTab } from './browser-link.ts'
import { browserLink, hiddenLimitMs } from './browser-link.ts'
import { workerNames } from './sources.ts'

interface Tab {
  port: MessagePort
  isVisible: boolean
}

const tabs = new Set<Tab>()
let closeTimer: ReturnType<typeof setTimeout> | undefined
const link = browserLink(self.name === workerNames.cloud ? 'cloud' : 'local', tell)

function tell(message: ToTab): void {
  for (const { port } of tabs) port.postMessage(message)
}

function follow(): void {
  clearTimeout(closeTimer)
  if ([...tabs].some((tab) => tab.isVisible)) link.open()
  else closeTimer = setTimeout(() => link.close(), tabs.size === 0 ? 0 : hiddenLimitMs)
}

addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0] as MessagePort
  const tab: Tab = { port, isVisible: true }
  tabs.add(tab)
  const leave = () => {
    tabs.delete(tab)
    follow()
  }
  port.addEventListener('message', ({ data }: MessageEvent<FromTab>) => {
    if (data.kind === 'visible' || data.kind === 'hidden') {
      tab.isVisible = data.kind === 'visible'
      follow()
    } else if (data.kind === 'gap') link.forget()
    else if (data.kind === 'leave') {
      leave()
      port.close()
    } else void navigator.locks.request(data.lock, leave)
  })
  port.start()
  port.postMessage({ kind: 'state', state: link.state } satisfies ToTab)
  follow()
})
