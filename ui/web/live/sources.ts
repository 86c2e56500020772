// What the streams of the two sources are called in a browser: workers, locks and channels of one never meet the other's.

import type { FrameSource } from '../../api/live/frame.ts'

export const workerNames: Record<FrameSource, string> = {
  local: 'slipway-live',
  cloud: 'slipway-live-cloud',
}
