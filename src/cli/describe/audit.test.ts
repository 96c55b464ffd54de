import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NO_COUNTS } from '../../domain/audit-counts.ts'
import type { FindingKind } from '../../domain/finding-kinds.ts'
import { type AuditReport, shownOdd, type Summary } from '../../operate/survey.ts'
import { describeAudit } from './audit.ts'

const SUMMARY: Summary = {
  users: 2,
  audited: 2,
  unchanged: 0,
  unreadable: 0,
  notReached: 0,
  withoutAccount: 0,
  clean: 0,
  proven: 0,
  counts: NO_COUNTS,
  findings: {},
  leftAlone: {},
  syncRate: null,
  silent: [],
  lastKnown: null,
}

function audited(user: string, handle: string, ...kinds: readonly FindingKind[]): AuditReport['users'][number] {
  const findings = kinds.map((kind, i) => ({ kind, rkey: `key-${i}`, mood: null, odd: null, hold: null }))
  return { user, handle, did: null, result: 'findings', reason: null, findings }
}

function linesOf(
  users: AuditReport['users'],
  names: readonly string[] = [],
  findings: Summary['findings'] = {},
): string[] {
  const report = { complete: true, summary: { ...SUMMARY, findings }, leftOut: null, relays: [], users }
  return describeAudit(report, names, 0).split('\n')
}

describe('what moods audit prints', () => {
  beforeEach(() => vi.stubEnv('NO_COLOR', '1'))
  afterEach(() => vi.unstubAllEnvs())

  it('begins with what has leaked, whatever else there is', () => {
    const users = [audited('u1', 'alice', 'missing'), audited('u2', 'bob', 'stray', 'leaked')]
    const lines = linesOf(users, [], { leaked: 1, missing: 1, stray: 1 })
    expect(lines[0]).toBe('LEAKED: 1 private mood is in a public repository.')
    expect(lines.filter((line) => line.startsWith('@'))).toEqual([
      '@bob (u2): leaked key-1',
      '@bob (u2): stray key-0',
      '@alice (u1): missing key-0',
    ])
    expect(linesOf(users, [], { leaked: 3 })[0]).toBe('LEAKED: 3 private moods are in a public repository.')
    expect(linesOf(users)[0]).toMatch(/^moods /)
  })

  it('ends with the command that repairs it, for the users whom it concerns', () => {
    const last = (...given: Parameters<typeof linesOf>): string => linesOf(...given).at(-1)!
    const users = [audited('u1', 'alice', 'missing'), audited('idp|2', '', 'drift'), audited('u3', 'carol', 'foreign')]
    expect(linesOf(users).slice(-2)).toEqual([
      `"moods repair @alice 'idp|2' --execute" repairs this; without --execute it only tells what it would do.`,
      'Records of other clients stay; "moods repair @carol --finding foreign --finding unreadable --execute" deletes them.',
    ])
    const many = Array.from({ length: 6 }, (_, i) => audited(`u${i}`, `user-${i}`, 'missing'))
    expect(last(many)).toContain('"moods repair --execute"')
    expect(last(many, ['all', 'of', 'these'])).toContain(
      '"moods repair @user-0 @user-1 @user-2 @user-3 @user-4 @user-5 --',
    )
    expect(last([{ ...audited('u1', 'alice'), result: 'unreadable', code: 'RepoDeactivated' }])).toBe(
      '"moods accounts check @alice" tells why a repository cannot be read.',
    )
    expect(last([])).toMatch(/^no findings/)
  })

  it('says in numbers that add up how the moods are counted that have no finding', () => {
    const counts = {
      ...NO_COUNTS,
      moods: 20,
      synced: 5,
      legacy: 1,
      kept: 2,
      held: 3,
      history: 4,
      private: 2,
      absent: 3,
    }
    const lines = describeAudit(
      { complete: true, summary: { ...SUMMARY, counts }, leftOut: null, relays: [], users: [] },
      [],
      0,
    ).split('\n')
    expect(lines).toContain(
      'no findings    5 in step, 1 in step with a legacy record, 2 kept, 3 held, 4 waiting for a backfill, 2 private, 3 deleted',
    )
    expect(lines.map((line) => line.split(':')[0])).toEqual(
      expect.arrayContaining(['  2 private', '  2 kept', '  3 held', '  4 waiting']),
    )
    expect(linesOf([])).toContain('no findings    none')
  })

  it('says of findings that federation keeps from a repair why, what lets the author in, and recommends no repair', () => {
    const { findings, ...bob } = audited('u2', 'bob', 'drift', 'stray')
    const held = findings.map((finding) =>
      finding.kind === 'drift' ? Object.assign({}, finding, { hold: 'federation_off' as const }) : finding,
    )
    const report = (users: AuditReport['users']) => ({
      complete: true,
      summary: { ...SUMMARY, findings: { drift: 1 }, leftAlone: { drift: 1 } },
      leftOut: '1 user is left out: federation is off.',
      relays: [],
      users,
    })
    const lines = describeAudit(report([{ ...bob, findings: held.slice(0, 1) }]), [], 0).split('\n')
    expect(lines).toContain('@bob (u2): drift key-0, left as it is: federation leaves the author out')
    expect(lines.at(-1)).toBe(
      'Until federation lets the authors in, a repair leaves as it is: 1 drift. 1 user is left out: federation is off.',
    )
    expect(lines.filter((line) => line.includes('moods repair'))).toEqual([])
    expect(describeAudit(report([{ ...bob, findings: held }]), [], 0)).toContain('"moods repair @bob --execute"')
  })

  it('says of each odd mood what is wrong with it, and what sets it right', () => {
    const odd = { id: 'm1', user: 'u1', field: 'isPrivate', kind: 'type', meant: null } as const
    const finding = (mendable: boolean) => ({
      kind: 'odd' as const,
      rkey: null,
      mood: 'm1',
      odd: shownOdd({ ...odd, mendable }),
      hold: null,
    })
    const lines = linesOf([{ ...audited('u1', 'alice'), findings: [finding(true), finding(false)] }])
    expect(lines.slice(-2)).toEqual([
      '@alice (u1): odd of mood m1: the field "isPrivate" is of another type than it must be. "moods data mend --execute" converts it.',
      '@alice (u1): odd of mood m1: the field "isPrivate" is of another type than it must be. Set it to true or false, whichever was meant; until then the mood counts as private and deleted.',
    ])
  })

  it('says that nothing was read, where that is so, and no number of passed checks', () => {
    const nothing = { ...SUMMARY, users: 2, audited: 0, notReached: 2 }
    const lines = describeAudit(
      { complete: false, summary: nothing, leftOut: null, relays: [], users: [] },
      [],
      0,
    ).split('\n')
    expect(lines).toContain('checks passed  none: no repository was read')
    expect(lines).toContain('in step        not known')
    expect(lines[0]).toBe('not reached    2 of 2 repositories, of which nothing is counted here')
    expect(lines.join('\n')).not.toContain('0 of 0')
  })

  it('lists twenty findings of a user, and counts the others', () => {
    const kinds = Array<FindingKind>(23).fill('duplicate')
    const lines = linesOf([audited('u1', 'alice', ...kinds)])
    expect(lines.filter((line) => line.includes('duplicate key-'))).toHaveLength(20)
    expect(lines).toContain('@alice (u1): and 3 more (--json lists all)')
  })
})
