// One lane: a row for each partition or table, with how far it is, how old the oldest thing is that it has not sent, how
// fast it goes and in what state it is.

import type { JSX } from 'solid-js'
import { Index, Show } from 'solid-js'
import type {
  LaneStatus,
  RetryClass,
  StreamState,
  StreamStatus,
} from '../../../api/bridge/status.ts'
import { count, duration, exact, nothing } from '../../parts/format.ts'
import { Icon } from '../../parts/icons.tsx'
import { Tile } from '../../parts/tile.tsx'
import { inOrder, lifeWords } from './figures.ts'
import { Words } from '../../parts/words.tsx'

const states: Record<StreamState, readonly [icon: 'check' | 'right' | 'alert', name: string]> = {
  running: ['right', 'running'],
  'caught-up': ['check', 'caught up'],
  waiting: ['alert', 'waiting'],
  stopped: ['alert', 'stopped'],
}

export interface LaneTileProps {
  title: string
  /** What it sends: message, row. */
  noun: string
  /** Undefined: not begun, or not known. */
  lane: LaneStatus | undefined
  /** Records a second, by lane and stream. */
  rates: ReadonlyMap<string, number>
  retries: readonly RetryClass[]
  isAway: boolean
}

export function LaneTile(props: LaneTileProps): JSX.Element {
  const streams = () => inOrder(props.lane?.streams ?? [])
  const rateOf = ({ stream }: StreamStatus) => props.rates.get(`${props.lane?.lane} ${stream}`)
  const sum = (pick: (stream: StreamStatus) => number) =>
    streams().reduce((total, stream) => total + pick(stream), 0)
  return (
    <Tile
      title={props.title}
      class="span-6"
      isStale={props.isAway}
      footnote={lifeWords(props.lane, props.noun, props.retries)}
    >
      <Show
        when={streams().length > 0}
        fallback={
          <p class="empty">
            {props.isAway
              ? 'Nothing is known of it.'
              : 'Not begun yet: it is still looking around.'}
          </p>
        }
      >
        <p class="lane-sum">
          <b>{exact(sum(({ lagRecords }) => lagRecords))}</b> to go ·{' '}
          <b>{count(sum((stream) => rateOf(stream) ?? 0))}</b> a second
        </p>
        <div
          class="table-scroll lane-rows"
          tabIndex={0}
          role="region"
          aria-label={`${props.title}, rows`}
        >
          <table class="data">
            <thead>
              <tr>
                <th scope="col">Stream</th>
                <th scope="col" class="if-wide">
                  Position
                </th>
                <th scope="col" class="if-wide">
                  End
                </th>
                <th scope="col">Backlog</th>
                <th scope="col">Age</th>
                <th scope="col" class="if-wide">
                  Per second
                </th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              <Index each={streams()}>
                {(stream, i) => (
                  <StreamRow
                    stream={stream()}
                    rate={rateOf(stream())}
                    isSaid={stream().detail === streams()[i - 1]?.detail}
                  />
                )}
              </Index>
            </tbody>
          </table>
        </div>
      </Show>
    </Tile>
  )
}

interface StreamRowProps {
  stream: StreamStatus
  rate: number | undefined
  /** The row above waits for the same. */
  isSaid: boolean
}

function StreamRow(props: StreamRowProps): JSX.Element {
  const state = () => states[props.stream.state]
  const hasWhy = () =>
    !props.isSaid && (props.stream.state === 'waiting' || props.stream.state === 'stopped')
  return (
    <>
      <tr classList={{ 'has-more': hasWhy() }}>
        <th scope="row">{props.stream.stream}</th>
        <td class="if-wide">{exact(props.stream.position)}</td>
        <td class="if-wide">{exact(props.stream.targetPosition)}</td>
        <td>{exact(props.stream.lagRecords)}</td>
        <td>
          {props.stream.oldestUnsentMs === null ? nothing : duration(props.stream.oldestUnsentMs)}
        </td>
        <td class="if-wide">{count(props.rate)}</td>
        <td class={`state is-${props.stream.state}`}>
          <Icon name={state()[0]} /> <span class="state-name">{state()[1]}</span>
        </td>
      </tr>
      <Show when={hasWhy()}>
        <tr>
          <td class="state-why" colSpan={7}>
            <Words text={props.stream.detail} />
          </td>
        </tr>
      </Show>
    </>
  )
}
