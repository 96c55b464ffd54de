import { useEffect, useRef, useState } from 'preact/hooks'
import type { MoodView, RecordView } from '../http/contract.ts'
import { record, type Session } from './api.ts'

interface Props {
  readonly session: Session | null
  readonly mood: MoodView
  readonly onClose: () => void
}

/** The record of a mood, read back from the PDS while one waits. */
export function RecordDialog({ session, mood, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [found, setFound] = useState<RecordView | null>(null)
  const [error, setError] = useState<string | null>(null)

  useEffect(() => {
    dialog.current?.showModal()
    record(session, mood.id).then(setFound, (reason: Error) => setError(reason.message))
  }, [session, mood.id])

  return (
    <dialog ref={dialog} class="record" aria-labelledby="record-title" onClose={onClose}>
      <h2 id="record-title">The record</h2>
      <p class="hint">As the PDS holds it now, in the author’s own repository.</p>
      {error !== null && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
      {!found && error === null && <p>Reading it…</p>}
      {found && (
        <dl>
          <dt>AT-URI</dt>
          <dd>
            <code data-field="uri">{found.uri}</code>
          </dd>
          <dt>CID</dt>
          <dd>
            <code data-field="cid">{found.cid}</code>{' '}
            {found.cid === mood.atproto.cid ? '✓ the one computed before sending' : '✗ not the one expected'}
          </dd>
          <dt>Record</dt>
          <dd>
            <pre data-field="value">{JSON.stringify(found.value, null, 2)}</pre>
          </dd>
        </dl>
      )}
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  )
}
