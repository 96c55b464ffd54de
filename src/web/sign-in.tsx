import { useState } from 'preact/hooks'
import type { AboutView } from '../http/contract.ts'
import { signIn, type Session } from './api.ts'

interface Props {
  readonly site: AboutView | null
  readonly onSignedIn: (session: Session) => void
}

export function SignIn({ site, onSignedIn }: Props) {
  const [handle, setHandle] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  if (site?.signIn === 'external') {
    return <p class="card">Sign in through your application to post. Everybody’s moods are below.</p>
  }

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(null)
    try {
      onSignedIn(await signIn(handle))
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason))
      setBusy(false)
    }
  }

  return (
    <form class="card" onSubmit={(event) => void submit(event)}>
      <h2>What shall we call you?</h2>
      <p class="hint">
        Any handle will do: 3 to 18 letters, digits or hyphens. There is no password; this is for trying out on your own
        machine.
      </p>
      <div class="row">
        <label class="handle">
          <span aria-hidden="true">@</span>
          <input
            name="handle"
            aria-label="Handle"
            aria-invalid={error !== null}
            aria-describedby="sign-in-error"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            placeholder="your-handle"
            required
            value={handle}
            onInput={(event) => setHandle(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={busy}>
          Sign in
        </button>
      </div>
      <p id="sign-in-error" class="error" role="alert">
        {error}
      </p>
    </form>
  )
}
