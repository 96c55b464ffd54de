/** Bugs to plant, one at a time: each breaks a law, and some test has to notice. */

export interface Mutant {
  readonly bug: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** Tests that are to notice. */
  readonly tests: readonly string[]
}

const CONTRACT = 'test/contract'
const ENGINE = 'test/integration/engine.test.ts'
const CHANGES = 'test/integration/changes.test.ts'
const BUDGETS = 'test/integration/budgets.test.ts'
const ERASURE = 'test/integration/erasure.test.ts'
const AUDIT = 'test/integration/audit.test.ts'
const ROLLBACK = 'test/integration/rollback.test.ts'
const OUTCOME = 'test/integration/outcome.test.ts'
const PUBLISH = 'test/integration/publish.test.ts'
const WORKERS = 'test/integration/workers.test.ts'
const SHOW = 'test/integration/show.test.ts'

export const MUTANTS: readonly Mutant[] = [
  {
    bug: 'a result is kept whatever has become of the mood',
    file: 'src/store/sqlite/work.ts',
    find: 'WHERE id = :id AND version = :version`)',
    replace: 'WHERE id = :id AND :version = :version`)',
    tests: [CONTRACT],
  },
  {
    bug: 'a private mood is published',
    file: 'src/domain/record.ts',
    find: "if (mood.isPrivate || mood.deleted?.records === 'withdraw')",
    replace: "if (mood.deleted?.records === 'withdraw')",
    tests: ['src/domain', CHANGES],
  },
  {
    bug: 'a deleted mood is published again',
    file: 'src/domain/record.ts',
    find: "if (mood.isPrivate || mood.deleted?.records === 'withdraw')",
    replace: 'if (mood.isPrivate)',
    tests: ['src/domain', CHANGES],
  },
  {
    bug: 'a lost answer is forgotten: the repo is not read before the next write',
    file: 'src/domain/doubt.ts',
    find: 'return { uncertain: true, quarantine, inFlight: null }',
    replace: 'return { uncertain: false, quarantine, inFlight: null }',
    tests: [ENGINE],
  },
  {
    bug: 'a crash is forgotten: a lease that was never released says nothing',
    file: 'src/domain/queue.ts',
    find: 'if (lost === null) return { ...repo, lease }',
    replace: 'if (lost !== undefined) return { ...repo, lease }',
    tests: ['src/domain/queue.test.ts', ENGINE],
  },
  {
    bug: 'a dropped result leaves no doubt, so a delete loses the race with a create',
    file: 'src/sync/pass.ts',
    find: "desired.kind === 'absent')",
    replace: "desired.kind === 'hold')",
    tests: [CHANGES, ENGINE],
  },
  {
    bug: 'a deletion is settled by the answer and not by a reading',
    file: 'src/domain/plan.ts',
    find: 'if (known.verified && known.cid === null) {',
    replace: 'if (known.cid === null) {',
    tests: ['src/domain'],
  },
  {
    bug: 'a deletion does not wait for late writes',
    file: 'src/domain/plan.ts',
    find: 'quarantined ? delayed(mood.sync, quarantine.until) : withdrawn(mood.sync)',
    replace: 'quarantined ? withdrawn(mood.sync) : withdrawn(mood.sync)',
    tests: ['src/domain'],
  },
  {
    bug: 'a create overwrites what is there',
    file: 'src/pds/client.ts',
    find: "write.action === 'create' ? null : write.was",
    replace: "write.action === 'create' ? undefined! : write.was",
    tests: [ENGINE],
  },
  {
    bug: 'a batch refused for one bad write is refused whole',
    file: 'src/sync/send.ts',
    find: 'group.length === 1 ? this.#refused(group[0]!, outcome) : this.#halve(account, group)',
    replace: 'this.#refused(group[0]!, outcome)',
    tests: [ENGINE],
  },
  {
    bug: 'an outage leads to a login',
    file: 'src/pds/sessions.ts',
    find: "if (answer.kind !== 'unauthorized' && answer.kind !== 'rejected') return answer",
    replace: '',
    tests: [ENGINE, 'test/integration/crashes.test.ts'],
  },
  {
    bug: 'an answer of a proxy is an answer about the mood',
    file: 'src/pds/answer.ts',
    find: 'if (error instanceof XrpcResponseError && isXrpcErrorPayload(error.payload)) {',
    replace: 'if (error instanceof XrpcResponseError) {',
    tests: [OUTCOME],
  },
  {
    bug: 'a time-out is taken for a refusal',
    file: 'src/pds/answer.ts',
    find: "return { kind: 'uncertain', code, answered: code === 'AbortError' }",
    replace: "return { kind: 'rejected', code, message: '' }",
    tests: [OUTCOME],
  },
  {
    bug: 'the budget is not kept',
    file: 'src/domain/budget.ts',
    find: 'used + cost > limits[i]!.max * share',
    replace: 'used > limits[i]!.max * share + cost',
    tests: ['src/domain/budget.test.ts', BUDGETS],
  },
  {
    bug: 'nothing is reserved for deletions',
    file: 'src/pds/client.ts',
    find: '? 1 : 1 - RESERVED_FOR_DELETES',
    replace: '? 1 : 1',
    tests: [BUDGETS],
  },
  {
    bug: 'a dead host is asked by everybody',
    file: 'src/domain/budget.ts',
    find: 'return { entry: dead ? { ...charged, probeAt: now + probeMs } : charged, waitUntil: null, ...told }',
    replace: 'return { entry: charged, waitUntil: null, ...told }',
    tests: ['src/domain/budget.test.ts', BUDGETS],
  },
  {
    bug: 'an erasure forgets the records of others',
    file: 'src/sync/remove-records.ts',
    find: 'if (chosen.length === 0) return ok(undefined)',
    replace: 'if (chosen.length >= 0) return ok(undefined)',
    tests: [ERASURE],
  },
  {
    bug: 'an audit takes a private mood on the PDS for a mere stray',
    file: 'src/domain/audit.ts',
    find: "const kind = mood.isPrivate ? 'leaked' : 'stray'",
    replace: "const kind = 'stray'",
    tests: [AUDIT],
  },
  {
    bug: 'a repair keeps the wrong one of two copies',
    file: 'src/domain/audit.ts',
    find: 'return [...there.filter(isRight), ...there.filter((rkey) => !isRight(rkey))]',
    replace: 'return [...there]',
    tests: [AUDIT],
  },
  {
    bug: 'a rollback takes a repo that cannot be read for one without records',
    file: 'src/operate/rollback.ts',
    find: "unreadable: kind === 'unreadable' ? 1 : 0",
    replace: 'unreadable: 0',
    tests: [ROLLBACK],
  },
  {
    bug: 'a failed look replaces the last good one',
    file: 'src/domain/looks.ts',
    find: "if (look.kind === 'failed') return { good: before.good, failed",
    replace: "if (look.kind === 'failed') return { good: null, failed",
    tests: ['src/domain/looks.test.ts', CONTRACT],
  },
  {
    bug: 'a host that was given up is asked again for every user',
    file: 'src/operate/hosts.ts',
    find: 'this.#silent.set(pds, await',
    replace: 'void (await',
    tests: ['test/integration/hosts.test.ts'],
  },
  {
    bug: 'the report of a worse run takes the place of a better one',
    file: 'src/cli/report-file.ts',
    find: 'RANKS.indexOf(rank) < RANKS.indexOf(rankIn(this.path))',
    replace: 'RANKS.indexOf(rank) < 0',
    tests: ['src/cli/report-file.test.ts'],
  },
  {
    bug: 'a rollback reports that nothing is left without looking again',
    file: 'src/operate/rollback.ts',
    find: "const left = after.audit.findings.filter(({ kind }) => kind === 'unlinked').length",
    replace: 'const left = 0',
    tests: [ROLLBACK],
  },
  {
    bug: 'a rollback deletes the records of other clients',
    file: 'src/operate/rollback.ts',
    find: 'filter(([, { value }]) => moodIdIn(value) !== null)',
    replace: 'filter(([, { value }]) => value !== null)',
    tests: [ROLLBACK],
  },
  {
    bug: 'a rollback deletes records while federation is on',
    file: 'src/operate/rollback.ts',
    find: "    case 'delete-records':\n      await requireOff(deps)",
    replace: "    case 'delete-records':",
    tests: [ROLLBACK],
  },
  {
    bug: 'moods that waited for an account are not put back to work',
    file: 'src/domain/account.ts',
    find: "return { ...account, state: 'ready', did, pds, sealedSession, requeue: true, error: null }",
    replace: "return { ...account, state: 'ready', did, pds, sealedSession, requeue: false, error: null }",
    tests: [PUBLISH],
  },
  {
    bug: 'the name and password of an account are not stored before it is made',
    file: 'src/sync/provision.ts',
    find: 'const saved = await deps.accounts.save(prepared(account, handle, candidate, credentials))\n  return saved ? ok(saved) : CHANGED',
    replace: 'return ok(prepared(account, handle, candidate, credentials))',
    tests: [PUBLISH, 'test/integration/crashes.test.ts'],
  },
  {
    bug: 'a restored nuke forgets which moods it took',
    file: 'src/sync/intents.ts',
    find: "const which = kind === 'nuke' ? 'undeleted' : 'nuked'",
    replace: "const which = kind === 'nuke' ? 'undeleted' : 'undeleted'",
    tests: [CHANGES],
  },
  {
    bug: 'one record key that is taken fails a whole list of changes',
    file: 'src/store/sqlite/moods.ts',
    find: 'return unlessKeyIsTaken(() => this.#sql.save.run(toRow(mood, now)).changes === 1)',
    replace: 'return this.#sql.save.run(toRow(mood, now)).changes === 1',
    tests: [CONTRACT],
  },
  {
    bug: 'an erasure is saved over a later version of itself',
    file: 'src/store/sqlite/erasures.ts',
    find: 'WHERE receipt = :receipt AND version = :version',
    replace: 'WHERE receipt = :receipt AND :version = :version',
    tests: [CONTRACT],
  },
  {
    bug: 'a user who is forgotten keeps the handle',
    file: 'src/store/sqlite/accounts.ts',
    find: 'this.#sql.removeHandle.run(user)',
    replace: '',
    tests: [CONTRACT],
  },
  {
    bug: 'removals of the old item stay beside those of an archived one',
    file: 'src/store/sqlite/archive.ts',
    find: "    clear: 'DELETE FROM removals WHERE user = :user',\n",
    replace: '',
    tests: [CONTRACT],
  },
  {
    bug: 'the sweep overlooks users whose only work is a removal',
    file: 'src/store/sqlite/repos.ts',
    find: '          UNION SELECT user FROM removals WHERE user > :after\n',
    replace: '',
    tests: [CONTRACT],
  },
  {
    bug: 'a mark that is set during a pass is lost by the release',
    file: 'src/domain/queue.ts',
    find: 'const wasMarked = repo.marks !== lease.marks',
    replace: 'const wasMarked = repo.marks < lease.marks',
    tests: ['src/domain/queue.test.ts'],
  },
  {
    bug: 'a mark ends a back-off',
    file: 'src/domain/queue.ts',
    find: 'return failures > 0 ? dueAt : Math.min(dueAt, now)',
    replace: 'return failures < 0 ? dueAt : Math.min(dueAt, now)',
    tests: ['src/domain/queue.test.ts'],
  },
  {
    bug: 'a lost lease puts its repo into no quarantine',
    file: 'src/domain/queue.ts',
    find: 'lost.until + quarantineMs)',
    replace: 'lost.until)',
    tests: ['src/domain/queue.test.ts'],
  },
  {
    bug: 'a holder that lost its lease releases the repo of the next one',
    file: 'src/domain/queue.ts',
    find: 'if (repo.lease?.token !== lease.token) return null\n  const wasMarked',
    replace: 'if (repo.lease === null) return null\n  const wasMarked',
    tests: ['src/domain/queue.test.ts'],
  },
  {
    bug: 'a repo that another worker holds can be claimed',
    file: 'src/domain/queue.ts',
    find: '(lease === null || lease.until <= now)',
    replace: '(lease === null || lease.until > 0)',
    tests: ['src/domain/queue.test.ts'],
  },
  {
    bug: 'a store keeps the mark of a repo only while no worker holds it',
    file: 'src/store/sqlite/repos.ts',
    find: 'if (after !== before) this.#sql.put.run(toRepoRow(after))',
    replace: 'if (after !== before && before.lease === null) this.#sql.put.run(toRepoRow(after))',
    tests: [CONTRACT],
  },
  {
    bug: 'an operator forgets a mood that has still to be withdrawn',
    file: 'src/domain/sync.ts',
    find: "forgotten: { from: ['local', 'published', 'withdrawn', 'rejected']",
    replace: "forgotten: { from: ['local', 'pending', 'published', 'withdrawn', 'rejected']",
    tests: ['src/domain/sync.test.ts'],
  },
  {
    bug: 'a mood that is tried again has used up its attempts',
    file: 'src/domain/sync.ts',
    find: "return step(sync, 'enqueued', { dueAt: now, attempts: 0, ...seen })",
    replace: "return step(sync, 'enqueued', { dueAt: now, ...seen })",
    tests: ['src/domain/sync.test.ts'],
  },
  {
    bug: 'a held mood that changed meanwhile counts as put back to work',
    file: 'src/sync/enqueue-held.ts',
    find: 'if (kept.size < page.length) isAll = false',
    replace: '',
    tests: ['test/integration/retry.test.ts'],
  },
  {
    bug: 'what is retried is marked for no worker',
    file: 'src/operate/retry.ts',
    find: "for (let cursor: string | null = ''; cursor",
    replace: 'for (let cursor: string | null = null; cursor',
    tests: ['test/integration/retry.test.ts'],
  },
  {
    bug: 'a worker that is dead counts as alive',
    file: 'src/domain/worker.ts',
    find: 'return now - at <= ALIVE_MS',
    replace: 'return at <= now || ALIVE_MS > 0',
    tests: ['src/domain/health.test.ts'],
  },
  {
    bug: 'a worker that has ended is not forgotten',
    file: 'src/sync/heartbeat.ts',
    find: 'await this.#guarded(() => this.#deps.workers.forget(this.#self.id))',
    replace: '',
    tests: [WORKERS],
  },
  {
    bug: 'a beat that fails ends the heartbeat',
    file: 'src/sync/heartbeat.ts',
    find: 'if (!this.#isFailing) events.heartbeatFailed(error)',
    replace: 'throw error',
    tests: [WORKERS],
  },
  {
    bug: 'a worker that follows an old policy is not told of',
    file: 'src/domain/health.ts',
    find: 'return policyVersion !== stored.version &&',
    replace: 'return policyVersion === null &&',
    tests: ['src/domain/health.test.ts'],
  },
  {
    bug: 'the log repeats what is the case with every look',
    file: 'src/observe/health-log.ts',
    find: 'if (!told.some((other) => sameNotice(notice, other))) this.#events.notice(notice)',
    replace: 'this.#events.notice(notice)',
    tests: ['src/observe/health-log.test.ts'],
  },
  {
    bug: 'a host that answers is no longer left alone for as long as its PDS has asked',
    file: 'src/domain/budget.ts',
    find: 'return { ...known, failures: 0 }',
    replace: 'return { ...known, failures: 0, blockedUntil: 0 }',
    tests: ['src/domain/budget.test.ts'],
  },
  {
    bug: 'the first words of a private mood are shown to an operator',
    file: 'src/operate/show-mood.ts',
    find: 'words: withWords && !mood.isPrivate ? firstWords(text) : null',
    replace: 'words: withWords ? firstWords(text) : null',
    tests: [SHOW],
  },
  {
    bug: 'a silent PDS is no reason: a mood that waits for it is said to wait for its turn',
    file: 'src/domain/reasons.ts',
    find: 'if (host.dead) {',
    replace: 'if (host.dead && requests.failures < 0) {',
    tests: ['src/domain/reasons.test.ts', SHOW],
  },
  {
    bug: 'an erasure whose account the PDS refuses is said to go on by itself',
    file: 'src/domain/reasons.ts',
    find: "if (needsAccount && account.state === 'needs_attention') {",
    replace: "if (needsAccount && account.state === 'pending') {",
    tests: ['src/domain/reasons.test.ts', 'test/integration/erase-open.test.ts'],
  },
  {
    bug: 'the name of an erasure in the log leads nowhere',
    file: 'src/operate/things.ts',
    find: 'erasures.push(...page.filter(({ receipt }) => logId(receipt) === id))',
    replace: 'erasures.push(...page.filter(({ receipt }) => receipt === id))',
    tests: [SHOW],
  },
]
