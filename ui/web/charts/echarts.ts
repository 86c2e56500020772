// The one file that loads ECharts: each part from its own module, because the library's index files drag in every
// chart there is. The paths are no documented interface: the exact version is pinned, and a test watches the size.

import { install as bars } from 'echarts/lib/chart/bar/install.js'
import { install as lines } from 'echarts/lib/chart/line/install.js'
import { install as dataset } from 'echarts/lib/component/dataset/install.js'
import { install as grid } from 'echarts/lib/component/grid/installSimple.js'
import { init } from 'echarts/lib/core/echarts.js'
import { use } from 'echarts/lib/extension.js'
import { install as canvas } from 'echarts/lib/renderer/installCanvasRenderer.js'

use([lines, bars, grid, dataset, canvas])

export { init }
