// Questions to the dashboard's API from a page: answers are kept, the same question is asked once, one that nobody
// waits for is aborted, and the previous answer stays (marked as such) while the next one is on its way.

import type { Accessor } from 'solid-js'
import { createEffect, createMemo, createSignal, on, onCleanup } from 'solid-js'

export interface QueryState<T> {
  data: T | undefined
  /** The data is the answer to an earlier question. */
  isPrevious: boolean
  isLoading: boolean
  error: QueryError | undefined
  /** Browser time of the answer. */
  answeredMs: number | undefined
}

export interface QueryError {
  message: string
  hint: string
  requestId: string | undefined
  /** The same question may have an answer later. */
  isPassing: boolean
}

export interface Query<T> {
  state: Accessor<QueryState<T>>
  retry(): void
}

interface Kept {
  data: unknown
  answeredMs: number
}

const keptMax = 200
/** A question that failed is asked again by itself, less and less often. */
const retryFirstMs = 4000
const retryMostMs = 60_000
const kept = new Map<string, Kept>()

/**
 * `url` undefined: nothing to ask yet. An answer younger than `freshMs` is not asked for again, unless `again` moves:
 * what was true of the same question no longer is. `ask`: who answers, if not the server at that address.
 */
export function createQuery<T>(
  url: Accessor<string | undefined>,
  freshMs = 30_000,
  again: Accessor<unknown> = () => undefined,
  ask: (address: string, signal: AbortSignal) => Promise<T> = askServer,
): Query<T> {
  const empty = {
    data: undefined,
    isPrevious: false,
    isLoading: false,
    error: undefined,
    answeredMs: undefined,
  }
  const [state, setState] = createSignal<QueryState<T>>(empty)
  const [attempt, setAttempt] = createSignal(0)
  let failures = 0
  // What an address is made of may tick every second; only another address is another question.
  const address = createMemo(url)
  createEffect(
    on([address, attempt, createMemo(again)], ([asked, tries, cause], previous) => {
      if (asked === undefined) {
        setState(empty)
        return
      }
      const known = kept.get(asked)
      if (known) setState({ ...empty, data: known.data as T, answeredMs: known.answeredMs })
      const isRetry = previous !== undefined && (previous[1] !== tries || previous[2] !== cause)
      if (known && !isRetry && Date.now() - known.answeredMs < freshMs) return
      const abort = new AbortController()
      onCleanup(() => abort.abort())
      setState((before) => ({
        ...before,
        isLoading: true,
        isPrevious: !known && before.data !== undefined,
      }))
      void ask(asked, abort.signal).then(
        (data) => {
          failures = 0
          const answeredMs = Date.now()
          keep(asked, { data, answeredMs })
          setState({ ...empty, data, answeredMs })
        },
        (error: unknown) => {
          if (abort.signal.aborted) return
          const failure = asQueryError(error)
          setState((before) => ({ ...before, isLoading: false, error: failure }))
          if (!failure.isPassing) return
          failures++
          const waitMs = Math.min(retryMostMs, retryFirstMs * 2 ** (failures - 1))
          const again = setTimeout(() => setAttempt((tries) => tries + 1), waitMs)
          abort.signal.addEventListener('abort', () => clearTimeout(again))
        },
      )
    }),
  )
  return { state, retry: () => setAttempt((tries) => tries + 1) }
}

export class AnswerError extends Error {
  readonly detail: QueryError

  constructor(detail: QueryError) {
    super(detail.message)
    this.detail = detail
  }
}

export async function askServer<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(url, { signal, headers: { accept: 'application/json' } })
  if (response.ok) return (await response.json()) as T
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>
  throw new AnswerError({
    message: textOf(body['error']) ?? `The server answered ${response.status}.`,
    hint: textOf(body['hint']) ?? 'Try again in a moment.',
    requestId: textOf(body['requestId']) ?? response.headers.get('x-request-id') ?? undefined,
    isPassing: response.status >= 500,
  })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function asQueryError(error: unknown): QueryError {
  if (error instanceof AnswerError) return error.detail
  return {
    message: 'The dashboard did not answer.',
    hint: 'Is the stack still running? Try again.',
    requestId: undefined,
    isPassing: true,
  }
}

function keep(url: string, answer: Kept): void {
  kept.delete(url)
  kept.set(url, answer)
  const oldest = kept.keys().next()
  if (kept.size > keptMax && !oldest.done) kept.delete(oldest.value)
}
