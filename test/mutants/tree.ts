/** Bugs of what compares trees: each takes something that is not known, or is made up, for what a repo holds. */

import type { Mutant } from './mutant.ts'

const TREES = ['src/pds/repo/compare-tree.test.ts']
const EXPECTED = ['src/pds/repo/expected-tree.test.ts']
const HOSTILE = ['src/pds/repo/hostile-trees.test.ts']
const PAGES = ['src/domain/audit-pages.test.ts']

export const OF_TREES: readonly Mutant[] = [
  {
    bug: 'tree: a subtree of another hash is taken for equal where as many records are expected',
    file: 'src/pds/repo/compare-tree.ts',
    find: 'return !(await expected.nodeOf(from, to, layer, this.#share))!.equals(digest)',
    replace: 'return (await expected.nodeOf(from, to, layer, this.#share))!.length !== digest.length',
    tests: TREES,
  },
  {
    bug: 'tree: records below a link that is not there are not missed',
    file: 'src/pds/repo/compare-tree.ts',
    find: 'for (let i = from; i < to; i++) this.missing.push(expected.rkey(i))',
    replace: '',
    tests: TREES,
  },
  {
    bug: 'tree: a collection whose name begins with ours is ours',
    file: 'src/pds/repo/compare-tree.ts',
    find: 'this.#end = `${collection}0`',
    replace: 'this.#end = `${collection}z`',
    tests: TREES,
  },
  {
    bug: 'tree: a node counts its layer by pairs of bits from one on',
    file: 'src/pds/repo/tree.ts',
    find: "return 2 * zeros + (digits.charAt(zeros) < '4' ? 1 : 0)",
    replace: "return 2 * zeros + (digits.charAt(zeros) < '8' ? 1 : 0)",
    tests: EXPECTED,
  },
  {
    bug: 'tree: an expected key that two rows claim is known',
    file: 'src/pds/repo/sorted-records.ts',
    find: 'this.#records.isKnown(this.#order[place]!) && !this.#claimed.has(place)',
    replace: 'this.#records.isKnown(this.#order[place]!)',
    tests: EXPECTED,
  },
  {
    bug: 'descent: keys may stand anywhere',
    file: 'src/pds/repo/descent.ts',
    find: 'if (keys.length > 0 && (keys[0]! <= after || keys.at(-1)! >= before))',
    replace: 'if (keys.length > 0 && keys[0]! <= after && keys.at(-1)! >= before)',
    tests: [...TREES, ...HOSTILE],
  },
  {
    bug: 'descent: a node may have keys of any layer',
    file: 'src/pds/repo/descent.ts',
    find: "for (const key of keys) if (layerOf(key) !== own) throw new RepoFault('TreeKeyLevel')",
    replace: '',
    tests: [...TREES, ...HOSTILE],
  },
  {
    bug: 'descent: nodes below the lowest layer are fetched',
    file: 'src/pds/repo/descent.ts',
    find: "if (link >= 0 && own === 0) throw new RepoFault('TreeTooDeep')",
    replace: '',
    tests: [...TREES, ...HOSTILE],
  },
  {
    bug: 'descent: a subtree with one wanted key is passed by',
    file: 'src/pds/repo/find-in-tree.ts',
    find: 'return first !== undefined && first < before',
    replace: 'return first !== undefined && (firstAfter(ordered, first) ?? before) < before',
    tests: TREES,
  },
  {
    bug: 'fallback: a tree that is wrong is a repo with nothing in it',
    file: 'src/pds/repo/tree-reader.ts',
    find: 'if (error instanceof OtherWay || error instanceof RepoFault) return null',
    replace: 'if (error instanceof OtherWay) return null',
    tests: HOSTILE,
  },
  {
    bug: 'fallback: what was found by a head that nobody confirms counts',
    file: 'src/pds/repo/repo-reader.ts',
    find: 'return ok(shown.value.rev === rev && shown.value.cid === cid)',
    replace: "return ok(shown.value.rev !== '')",
    tests: [...HOSTILE, 'src/pds/repo/repo-reader.test.ts'],
  },
  {
    bug: 'signature: a commit that is compared by its tree need not be signed',
    file: 'src/pds/repo/tree-reader.ts',
    find: 'if (signingKey !== null) await verify(commit, signingKey)',
    replace: '',
    tests: HOSTILE,
  },
  {
    bug: 'signature: a commit may be of another account',
    file: 'src/pds/repo/repo-car.ts',
    find: "if (commit.did !== did) throw new RepoFault('CarAnotherRepo')",
    replace: '',
    tests: HOSTILE,
  },
  {
    bug: 'pages: a mood that a record elsewhere names is counted and forgotten',
    file: 'src/domain/record.ts',
    find: '(names.size > 0 && names.has(referenceId(id)))',
    replace: '(names.size > 0 && names.has(id))',
    tests: PAGES,
  },
  {
    bug: 'pages: a mood that has changed meanwhile is counted as it is now',
    file: 'src/domain/audit-pages.ts',
    find: 'if (!moves && !isNamed && page.isSettled(mood))',
    replace: 'if (!isNamed && page.isSettled(mood))',
    tests: PAGES,
  },
]
