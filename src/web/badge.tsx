import type { MoodView } from '../http/contract.ts'

interface Props {
  readonly mood: MoodView
  readonly onOpen: () => void
}

/** Where a mood stands. A published one opens its record. */
export function Badge({ mood, onOpen }: Props) {
  switch (mood.atproto.state) {
    case 'published':
      return (
        <button
          type="button"
          class="badge published"
          title="In the author’s own repository: open the record"
          onClick={onOpen}
        >
          published
        </button>
      )
    case 'rejected':
      return (
        <span class="badge rejected" title={mood.atproto.error?.code}>
          not published
        </span>
      )
    case 'withdrawn':
      return <span class="badge">withdrawn</span>
    case 'local':
    case 'pending':
      return mood.isPrivate ? (
        <span class="badge" title="Kept here, and never published">
          only you
        </span>
      ) : (
        <span class="badge saved" title="Kept here, and on its way to the author’s repository">
          saved
        </span>
      )
  }
}
