// Questions to BigQuery, put together: those of a page that come within a moment go in one request, because they share
// what is read and what it costs. What it will read, has read, and whether it waits for somebody's word is a signal.

import { createSignal } from 'solid-js'
import type { Behind } from '../../api/cloud/position.ts'
import type { CloudLine, CloudQuestion, CloudQuestions } from '../../api/cloud/routes.ts'
import type { MetricAnswer } from '../../../stack/contract/metrics/definition.ts'
import { AnswerError } from './query.ts'

export interface CloudAnswer extends MetricAnswer {
  /** Of history's answer that it was asked as of. */
  behind: Behind | null
}

/** Of the newest request. */
export interface CloudCost {
  state: 'asking' | 'reading' | 'waiting' | 'read'
  estimatedBytes: number
  billedBytes: number
  statements: number
  cached: number
  limitBytes: number
}

interface Waiting {
  question: CloudQuestion
  signal: AbortSignal
  answer: PromiseWithResolvers<CloudAnswer>
}

const gatherMs = 30

const [cost, setCost] = createSignal<CloudCost>()
export { cost as cloudCost }

let waiting: Waiting[] = []
let isApproved = false

/** The next request may read more than the limit. */
export function approveReading(): void {
  isApproved = true
}

/** The address of a question in the cache of answers; never one of the server's. */
export const cloudAddress = (question: CloudQuestion): string => `cloud:${JSON.stringify(question)}`

export function askCloud(address: string, signal: AbortSignal): Promise<CloudAnswer> {
  const question = JSON.parse(address.slice('cloud:'.length)) as CloudQuestion
  const answer = Promise.withResolvers<CloudAnswer>()
  if (waiting.length === 0) setTimeout(() => void send(), gatherMs)
  waiting.push({ question, signal, answer })
  return answer.promise
}

async function send(): Promise<void> {
  const asked = waiting.filter(({ signal }) => !signal.aborted)
  const given = waiting.filter(({ signal }) => signal.aborted)
  for (const { signal, answer } of given) answer.reject(signal.reason)
  waiting = []
  if (asked.length === 0) return
  const body: CloudQuestions = { questions: asked.map(({ question }) => question), isApproved }
  isApproved = false
  const nothing = { estimatedBytes: 0, billedBytes: 0, statements: 0, cached: 0, limitBytes: 0 }
  setCost({ ...nothing, state: 'asking' })
  try {
    const response = await fetch('/api/cloud/metrics', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: whenAll(asked.map(({ signal }) => signal)),
    })
    if (!response.ok || !response.body) throw new Error(`answered ${response.status}`)
    for await (const line of linesOf(response.body)) take(line, asked)
    throw new Error('ended early')
  } catch (error) {
    // Those that were answered are not touched by it.
    const failure = { message: 'The dashboard did not answer.', hint: 'Try again in a moment.' }
    for (const { signal, answer } of asked) {
      answer.reject(signal.aborted ? error : refused(failure, true))
    }
  }
}

function take(line: CloudLine, asked: readonly Waiting[]): void {
  if (line.kind === 'estimate') {
    setCost((known) => known && { ...known, state: 'reading', estimatedBytes: line.bytes })
    return
  }
  if (line.kind === 'done') {
    const { spent, limitBytes } = line
    const state = spent.statements === 0 && spent.estimatedBytes > limitBytes ? 'waiting' : 'read'
    setCost({ ...spent, limitBytes, state })
    return
  }
  const answer = asked[line.index]?.answer
  if (line.kind === 'answer') answer?.resolve({ ...line.answer, behind: line.behind })
  else if (line.kind === 'waits') {
    answer?.reject(refused({ message: 'This waits for your word.', hint: waitsHint }, false))
  } else if (line.kind === 'refused') {
    answer?.reject(refused({ message: line.error, hint: line.hint ?? '' }, false))
  } else {
    answer?.reject(refused({ message: line.trouble.title, hint: line.trouble.says }, true))
  }
}

const waitsHint = 'What BigQuery would read for this page is more than the limit.'

function refused(said: { message: string; hint: string }, isPassing: boolean): AnswerError {
  return new AnswerError({ ...said, requestId: undefined, isPassing })
}

/** Aborted when nobody waits any more. */
function whenAll(signals: readonly AbortSignal[]): AbortSignal {
  const all = new AbortController()
  const look = () => signals.every((signal) => signal.aborted) && all.abort()
  for (const signal of signals) signal.addEventListener('abort', look, { once: true })
  return all.signal
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<CloudLine> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = (await reader.read()) as ReadableStreamReadResult<string>
    if (done) return
    const lines = (rest + value).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) yield JSON.parse(text) as CloudLine
  }
}
