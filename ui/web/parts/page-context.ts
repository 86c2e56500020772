// What all pages share: the live view, what the link says, zone and currency in force.

import { useLocation, useNavigate } from '@solidjs/router'
import { createContext, createMemo, createSignal, onCleanup, untrack, useContext } from 'solid-js'
import type { CloudPlace } from '../../api/cloud.ts'
import type { Standing } from '../../api/cloud/routes.ts'
import type { Past } from '../../api/past.ts'
import type { Live } from '../live/live.ts'
import { createLive } from '../live/live.ts'
import { createPast } from './past.ts'
import { createQuery } from './query.ts'
import { createStanding } from './standing.ts'
import type { UrlState } from './url-state.ts'
import { parseUrl, printUrl } from './url-state.ts'
import { browserZone } from './zone.ts'

export interface PageContext {
  /** Of the source that the page shows; of this machine where the cloud is no live page's business. */
  readonly live: Live
  /** The cloud's, while Live shows it: alone, or beside this machine's. */
  cloudLive(): Live | undefined
  url(): UrlState
  problems(): string[]
  /** Where the cloud is; undefined until the dashboard has said it. */
  cloud(): CloudPlace | undefined
  /** How BigQuery stands, while a page asks for it; Live of the cloud has a status of its own. */
  standing(): Standing | undefined
  lookAgain(): void
  change(part: Partial<UrlState>, options?: { replace?: boolean }): void
  zone(): string
  /** The chosen currency, else the shop's main one. */
  currency(): string
  /** The shop's now and currency are known, or did not come in time. */
  isReady(): boolean
  /** Past traffic that is still on its way into history; undefined when it is through. */
  past(): Past | undefined
  /** The link's part after `?`, for links between pages. */
  search(): string
}

/** History is asked without the live view's word when that takes longer. */
const firstFrameLimitMs = 1500

const Context = createContext<PageContext>()
export const PageProvider = Context.Provider

export function usePage(): PageContext {
  const context = useContext(Context)
  if (!context) throw new Error('used outside the page')
  return context
}

export function createPageContext(): PageContext {
  const local = createLive('local')
  const location = useLocation()
  const navigate = useNavigate()
  const parsed = createMemo(() => parseUrl(location.search))
  const place = createQuery<CloudPlace>(() => '/api/cloud', Infinity)
  const cloud = () => place.state().data
  // Pub/Sub is read while somebody looks, so only Live opens it.
  const hasCloudLive = createMemo(() => {
    const mode = cloud()?.mode ?? 'off'
    const isShown = location.pathname.startsWith('/live') && parsed().state.source !== 'local'
    return isShown && mode !== 'off'
  })
  const cloudLive = createMemo(() =>
    hasCloudLive() ? untrack(() => createLive('cloud')) : undefined,
  )
  const live = () => (parsed().state.source === 'cloud' && cloudLive()) || local
  const mainCurrency = createMemo(() => live().frame()?.kpi.currency ?? 'USD')
  const { standing, lookAgain } = createStanding(
    () => parsed().state.source !== 'local' && !hasCloudLive(),
    cloud,
  )
  const [isLate, setLate] = createSignal(false)
  const waiting = setTimeout(() => setLate(true), firstFrameLimitMs)
  onCleanup(() => clearTimeout(waiting))
  return {
    get live() {
      return live()
    },
    cloudLive,
    isReady: () => isLate() || live().frame() !== undefined,
    cloud,
    standing,
    lookAgain,
    past: createPast(),
    url: () => parsed().state,
    problems: () => parsed().problems,
    change: (part, options) =>
      navigate(location.pathname + printUrl({ ...parsed().state, ...part }), {
        replace: options?.replace ?? false,
        scroll: false,
      }),
    zone: () => parsed().state.zone || browserZone,
    currency: () => parsed().state.currency || mainCurrency(),
    search: () => printUrl(parsed().state),
  }
}
