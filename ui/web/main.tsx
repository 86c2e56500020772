// The page's entry: theme and router; the pages themselves are loaded when they are opened.

import { Navigate, Route, Router } from '@solidjs/router'
import { lazy } from 'solid-js'
import { render } from 'solid-js/web'
import { Shell } from './shell.tsx'
import './styles/theme.css'
import './styles/shell.css'
import './styles/tiles.css'
import './styles/charts.css'
import './styles/pages.css'
import './styles/bridge.css'

const LivePage = lazy(() => import('./pages/live.tsx'))
const HistoryPage = lazy(() => import('./pages/history.tsx'))
const BridgePage = lazy(() => import('./pages/bridge.tsx'))

const root = document.getElementById('root')
if (root) {
  render(
    () => (
      <Router root={Shell}>
        <Route path="/" component={() => <Navigate href="/live" />} />
        <Route path="/live" component={LivePage} />
        <Route path="/history" component={HistoryPage} />
        <Route path="/bridge" component={BridgePage} />
        <Route path="*" component={() => <p class="empty">There is no such page.</p>} />
      </Router>
    ),
    root,
  )
}
