// Counters, gauges and histograms of one part, printed in Prometheus' text format at GET /metrics.
// Names are `slipway_<part>_<noun>_<unit>`; labels are few and bounded.

type Labels = Record<string, string | number>

interface Family {
  type: 'counter' | 'gauge' | 'histogram'
  help: string
  lines(): string[]
}

export interface Counter {
  add(by?: number, labels?: Labels): void
  value(labels?: Labels): number
}

export interface Gauge {
  set(value: number, labels?: Labels): void
}

export interface Histogram {
  observe(value: number): void
}

export class Metrics {
  #families = new Map<string, Family>()

  counter(name: string, help: string): Counter {
    const values = new Map<string, number>()
    this.#families.set(name, { type: 'counter', help, lines: () => sampleLines(name, values) })
    return {
      add(by = 1, labels) {
        const key = labelText(labels)
        values.set(key, (values.get(key) ?? 0) + by)
      },
      value: (labels) => values.get(labelText(labels)) ?? 0,
    }
  }

  gauge(name: string, help: string, read?: () => number): Gauge {
    const values = new Map<string, number>()
    const lines = () => {
      if (read) values.set('', read())
      return sampleLines(name, values)
    }
    this.#families.set(name, { type: 'gauge', help, lines })
    return { set: (value, labels) => void values.set(labelText(labels), value) }
  }

  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const counts = bounds.map(() => 0)
    let sum = 0
    let count = 0
    const lines = () => [
      ...bounds.map((bound, i) => `${name}_bucket{le="${bound}"} ${counts[i]}`),
      `${name}_bucket{le="+Inf"} ${count}`,
      `${name}_sum ${sum}`,
      `${name}_count ${count}`,
    ]
    this.#families.set(name, { type: 'histogram', help, lines })
    return {
      observe(value) {
        sum += value
        count++
        for (let i = 0; i < bounds.length; i++) {
          if (value <= (bounds[i] as number)) counts[i] = (counts[i] as number) + 1
        }
      },
    }
  }

  text(): string {
    const blocks = [...this.#families].map(([name, family]) =>
      [`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`, ...family.lines()].join(
        '\n',
      ),
    )
    return blocks.join('\n') + '\n'
  }
}

function sampleLines(name: string, values: Map<string, number>): string[] {
  return [...values].map(([labels, value]) => `${name}${labels} ${value}`)
}

function labelText(labels: Labels | undefined): string {
  if (!labels) return ''
  const pairs = Object.entries(labels).map(
    ([key, value]) => `${key}=${JSON.stringify(String(value))}`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
