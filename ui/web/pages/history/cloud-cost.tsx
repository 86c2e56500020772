// What BigQuery reads for this page: before, while and after; above the limit it waits for a click.

import type { JSX } from 'solid-js'
import { Show } from 'solid-js'
import type { CloudCost } from '../../parts/cloud-answers.ts'
import { approveReading, cloudCost } from '../../parts/cloud-answers.ts'
import { bytes, plural } from '../../parts/format.ts'
import { useQuestions } from './questions.ts'

export function CloudCostLine(): JSX.Element {
  const questions = useQuestions()
  const read = () => {
    approveReading()
    questions.askAgain()
  }
  return (
    <Show when={questions.usesCloud() && cloudCost()}>
      {(cost) => (
        <Show
          when={cost().state === 'waiting'}
          fallback={<p class="label cost">{costWords(cost())}</p>}
        >
          <p class="banner" role="status">
            BigQuery would read {bytes(cost().estimatedBytes)} for this page; the limit is{' '}
            {bytes(cost().limitBytes)}.{' '}
            <button type="button" class="button" onClick={read}>
              Read {bytes(cost().estimatedBytes)}
            </button>
          </p>
        </Show>
      )}
    </Show>
  )
}

function costWords({ state, estimatedBytes, billedBytes, statements, cached }: CloudCost): string {
  if (state === 'asking') return 'BigQuery: dry run…'
  if (state === 'reading') return `BigQuery: will read ${bytes(estimatedBytes)}`
  const fromCache = cached === 0 ? 'none from its cache' : `${cached} from its cache`
  return `BigQuery: ${bytes(billedBytes)} billed, ${plural(statements, 'statement')}, ${fromCache}`
}
