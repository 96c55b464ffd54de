/** Bugs of the operator's commands: audits, repairs, rollbacks, reports, and what is shown. */

import type { Mutant } from './mutant.ts'

const CONTRACT = 'test/contract'
const AUDIT = 'test/integration/audit.test.ts'
const ROLLBACK = 'test/integration/rollback.test.ts'
const SHOW = 'test/integration/show.test.ts'
const COMMANDS = 'test/integration/commands.test.ts'
const CHANGES = 'test/integration/changes.test.ts'
const NAMES = 'test/integration/names.test.ts'
const OPERATE_CLI = 'test/integration/operate-cli.test.ts'

export const OPERATE: readonly Mutant[] = [
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
    bug: 'publishing again after a rollback moves the date of the launch',
    file: 'src/domain/sync.ts',
    find: "step(sync, 'published', { uri, cid, firstPublished: sync.firstPublished ?? first })",
    replace: "step(sync, 'published', { uri, cid, firstPublished: first })",
    tests: ['src/domain/sync.test.ts', 'src/operate/launch-tally.test.ts'],
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
    find: "(there !== 'foreign' && !isBetter(there, report))",
    replace: "there !== 'foreign'",
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
    find: "['mood', 'gone'].includes(ownerOf(value, rkey).kind)",
    replace: "ownerOf(value, rkey).kind !== 'odd'",
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
    bug: 'what is retried is marked for no worker',
    file: 'src/operate/retry.ts',
    find: "for (let cursor: string | null = ''; cursor",
    replace: 'for (let cursor: string | null = null; cursor',
    tests: ['test/integration/retry.test.ts'],
  },
  {
    bug: 'the first words of a private mood are shown to an operator',
    file: 'src/operate/show-mood.ts',
    find: 'words: withWords && !mood.isPrivate ? firstWords(text) : null',
    replace: 'words: withWords ? firstWords(text) : null',
    tests: [SHOW],
  },
  {
    bug: 'the name of an erasure in the log leads nowhere',
    file: 'src/operate/things.ts',
    find: 'erasures.push(...page.filter(({ receipt }) => logId(receipt) === id))',
    replace: 'erasures.push(...page.filter(({ receipt }) => receipt === id))',
    tests: [SHOW],
  },
  {
    bug: 'the engine of a command claims the repo of any user',
    file: 'src/sync/engine.ts',
    find: 'if (await this.#next(stopping, among, settled)) return true',
    replace: 'if (await this.#next(stopping, undefined, settled)) return true',
    tests: [COMMANDS],
  },
  {
    bug: 'a claim among users takes the repo of another user',
    file: 'src/store/sqlite/repos.ts',
    find: 'WHERE user IN (SELECT value FROM json_each(?)) AND due_at <= ?',
    replace: 'WHERE json_valid(?) AND due_at <= ?',
    tests: [CONTRACT],
  },
  {
    bug: 'making accounts publishes what is due',
    file: 'src/sync/engine.ts',
    find: 'settled ? pass.makeAccount(() => settled.add(lease.user)) : pass.run()',
    replace: 'pass.run()',
    tests: [COMMANDS],
  },
  {
    bug: 'users on the list are published while federation is off',
    file: 'src/domain/policy.ts',
    find: "if (mode === 'on' || mode === 'off') return mode === 'on'",
    replace: "if (mode === 'on') return true",
    tests: ['src/domain/policy.test.ts', CHANGES],
  },
  {
    bug: 'a pass goes on with the policy that it began with',
    file: 'src/sync/pass.ts',
    find: 'const { policy, due } = read ?? (await this.#lookAtWork())',
    replace: 'const { due } = read ?? (await this.#lookAtWork())\n      const { policy } = seen',
    tests: [CHANGES],
  },
  {
    bug: 'a name without a sign is taken for a handle, though it is the sub of another user',
    file: 'src/operate/users.ts',
    find: "if (!name.startsWith('@') && (await isKnown(store, name))) return name",
    replace:
      "if (!name.startsWith('@') && (await isKnown(store, name))) return (await userOfHandle(store, name)) ?? name",
    tests: [NAMES],
  },
  {
    bug: 'a repair prints what moods say where it may be kept',
    file: 'src/cli/commands/repair.ts',
    find: 'const withWords = process.stdout.isTTY && options.json !== true',
    replace: 'const withWords = true',
    tests: [OPERATE_CLI],
  },
  {
    bug: 'a program is told that all is well, whatever the exit code is',
    file: 'src/cli/open.ts',
    find: 'ok: exitCodeOf(ended) === 0',
    replace: 'ok: exitCodeOf(ended) !== undefined',
    tests: [OPERATE_CLI],
  },
  {
    bug: 'a command looks in SQLite, whatever MongoDB the last server of the folder ran',
    file: 'src/config.ts',
    find: 'const own = serves ? null :',
    replace: 'const own = serves || serves === false ? null :',
    tests: ['src/config.test.ts'],
  },
  {
    bug: 'a user is not found by the handle of the account while the PDS is silent',
    file: 'src/operate/things.ts',
    find: 'const known = await usersOfDomainHandle(store, handle)',
    replace: 'const known: string[] = []',
    tests: ['test/integration/show.test.ts'],
  },
  {
    bug: 'status ends with 0 where it tells of a problem',
    file: 'src/cli/commands/status.ts',
    find: "notices.some(({ level }) => level === 'problem')",
    replace: 'notices.length < 0',
    tests: ['test/integration/health.test.ts'],
  },
  {
    bug: 'proving: a repo that cannot be read is never tried again',
    file: 'src/domain/proving.ts',
    find: 'return failed.at + Math.min(usual, Math.max(SOON_MS, failed.at - failed.since))',
    replace: 'return Number.MAX_SAFE_INTEGER',
    tests: ['src/domain/proving.test.ts'],
  },
  {
    bug: 'proving: a repair by itself writes over what stands under the key of a mood',
    file: 'src/domain/auto-repair.ts',
    find: "return finding.fix.kind === 'enqueue' && !records.has(finding.fix.rkey)",
    replace: "return finding.fix.kind === 'enqueue'",
    tests: ['src/domain/auto-repair.test.ts'],
  },
  {
    bug: 'proving: a proof is renewed though a mood of the user has become odd',
    file: 'src/operate/proof-sweep.ts',
    find: 'isAsCounted && (await odd.of(user)).length === 0',
    replace: 'isAsCounted && (await odd.of(user)).length >= 0',
    tests: ['test/integration/proving.test.ts'],
  },
  {
    bug: 'proving: the check takes all requests that a host allows',
    file: 'src/operate/proving.ts',
    find: "this.#deps.client.until(stop, 'proving')",
    replace: 'this.#deps.client.until(stop)',
    tests: ['test/integration/proving.test.ts'],
  },
]
