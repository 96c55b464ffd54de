import type { TargetedKeyboardEvent } from 'preact'
import { useState } from 'preact/hooks'
import { LIMITS } from '../domain/mood-limits.ts'
import type { MoodView } from '../http/contract.ts'
import { ApiError, post, type Session } from './api.ts'

interface Props {
  readonly session: Session
  readonly onPosted: (mood: MoodView) => void
  readonly onSignedOut: () => void
}

const { intensityMin, intensityMax } = LIMITS
const INTENSITIES = Array.from({ length: intensityMax - intensityMin + 1 }, (_, i) => intensityMin + i)

const segmenter = new Intl.Segmenter()

/** Characters as people count them, and as the lexicon does. */
function length(text: string): number {
  return [...segmenter.segment(text.trim())].length
}

function submitOnShortcut(event: TargetedKeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit()
}

export function Composer({ session, onPosted, onSignedOut }: Props) {
  const [text, setText] = useState('')
  const [isPrivate, setPrivate] = useState(false)
  const [intensity, setIntensity] = useState('')
  const [context, setContext] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const left = LIMITS.textGraphemes - length(text)
  const ready = !busy && left >= 0 && text.trim() !== ''

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (!ready) return
    setBusy(true)
    setError(null)
    try {
      const mood = await post(session, {
        mood: text,
        isPrivate,
        ...(intensity === '' ? {} : { intensity: Number(intensity) }),
        ...(context.trim() === '' ? {} : { context }),
      })
      setText('')
      setContext('')
      setIntensity('')
      onPosted(mood)
    } catch (reason) {
      if (reason instanceof ApiError && reason.status === 401) onSignedOut()
      setError(reason instanceof Error ? reason.message : String(reason))
    } finally {
      setBusy(false)
    }
  }

  return (
    <form class="card" onSubmit={(event) => void submit(event)}>
      <textarea
        name="mood"
        aria-label="How are you?"
        placeholder="How are you?"
        rows={3}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={submitOnShortcut}
      />
      <Details intensity={intensity} context={context} onIntensity={setIntensity} onContext={setContext} />
      <div class="row">
        <label class="check">
          <input
            type="checkbox"
            name="isPrivate"
            checked={isPrivate}
            onChange={(event) => setPrivate(event.currentTarget.checked)}
          />
          Only for me
        </label>
        <span class={left < 0 ? 'count over' : 'count'} aria-live={left <= 20 ? 'polite' : 'off'}>
          {left} left
        </span>
        <button type="submit" disabled={!ready}>
          Post
        </button>
      </div>
      <p class="error" role="alert">
        {error}
      </p>
    </form>
  )
}

interface DetailsProps {
  /** A whole number, or '' for none. */
  readonly intensity: string
  readonly context: string
  readonly onIntensity: (intensity: string) => void
  readonly onContext: (context: string) => void
}

function Details({ intensity, context, onIntensity, onContext }: DetailsProps) {
  return (
    <details>
      <summary>Add how strong, or what about</summary>
      <label class="field">
        Strength
        <select name="intensity" value={intensity} onChange={(event) => onIntensity(event.currentTarget.value)}>
          <option value="">not said</option>
          {INTENSITIES.map((n) => (
            <option key={n} value={String(n)}>
              {n}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        About
        <input name="context" value={context} onInput={(event) => onContext(event.currentTarget.value)} />
      </label>
    </details>
  )
}
