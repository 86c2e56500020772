// What lane A counts.

import type { Counter, Histogram, Metrics } from '#stack/base/metrics.ts'

export interface TopicMetrics {
  sent: Counter
  retries: Counter
  errors: Counter
  /** Left out, since the mirror begins later. */
  beforeStart: Counter
  /** Headers that did not fit into attributes. */
  headersOmitted: Counter
  requestMs: Histogram
}

const requestBoundsMs = [5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000]

export function topicMetrics(metrics: Metrics): TopicMetrics {
  const counter = (name: string, help: string) =>
    metrics.counter(`slipway_bridge_topics_${name}`, help)
  return {
    sent: counter('sent_messages', 'Acknowledged by Pub/Sub.'),
    retries: counter('retried_requests', 'Requests that were sent again, by code.'),
    errors: counter('refused_records', 'Records that went to the error lane, by code.'),
    beforeStart: counter(
      'records_before_start',
      'Offsets left out, of a time before the mirror begins.',
    ),
    headersOmitted: counter('omitted_headers', 'Record headers that did not fit.'),
    requestMs: metrics.histogram(
      'slipway_bridge_topics_request_ms',
      'How long a publish request took that succeeded.',
      requestBoundsMs,
    ),
  }
}
