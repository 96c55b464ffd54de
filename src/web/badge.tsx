import type { MoodView } from '../http/contract.ts'

interface Props {
  readonly mood: MoodView
  readonly onOpen: () => void
}

/** Where a mood stands. A published one opens its record. */
export function Badge({ mood, onOpen }: Props) {
  const { reason } = mood.atproto
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
        <span class="badge rejected" title={reason}>
          not published
        </span>
      )
    case 'withdrawn':
      return (
        <span class="badge" title={reason}>
          withdrawn
        </span>
      )
    case 'local':
    case 'pending':
      return mood.isPrivate ? (
        <span class="badge" title={reason}>
          only you
        </span>
      ) : (
        <span class="badge saved" title={reason}>
          saved
        </span>
      )
  }
}
