import { Badge } from './badge.tsx'
import { LIMITS } from '../domain/mood-limits.ts'
import type { MoodView } from '../http/contract.ts'
import type { FeedState } from './use-feed.ts'

interface Props {
  readonly feed: FeedState
  readonly mine: boolean
  readonly onOpen: (mood: MoodView) => void
}

const time = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

export function Feed({ feed, mine, onOpen }: Props) {
  if (feed.error !== null && feed.moods === null) {
    return (
      <div class="state" role="alert">
        <p>{feed.error}</p>
        <button type="button" onClick={feed.retry}>
          Try again
        </button>
      </div>
    )
  }
  if (feed.moods === null) return <p class="state">Loading…</p>
  if (feed.moods.length === 0) {
    return <p class="state">{mine ? 'You have not posted yet.' : 'No moods yet. Be the first to say how you are.'}</p>
  }
  return (
    <section aria-label="Moods">
      <ol class="feed">
        {feed.moods.map((mood) => (
          <li key={mood.id} class="card mood" data-id={mood.id}>
            <p class="text">{mood.mood}</p>
            {mood.context && <p class="hint">{mood.context}</p>}
            <footer>
              <b>{mood.handle === null ? 'somebody' : `@${mood.handle}`}</b>
              <time dateTime={mood.when}>{time.format(new Date(mood.when))}</time>
              {mood.intensity !== undefined && (
                <span title="Strength">
                  {mood.intensity}/{LIMITS.intensityMax}
                </span>
              )}
              <Badge mood={mood} onOpen={() => onOpen(mood)} />
            </footer>
          </li>
        ))}
      </ol>
      {feed.error !== null && (
        <p class="error" role="alert">
          {feed.error}
        </p>
      )}
      {feed.hasMore && (
        <p class="state">
          <button type="button" class="quiet" onClick={feed.more}>
            Older moods
          </button>
        </p>
      )}
    </section>
  )
}
