/** Trees of repos, right ones and such as nobody but an enemy makes: each is wrong in one way, at a random place. */

import { createHash } from 'node:crypto'
import { type CidLink, encode, toBytes } from '@atcute/cbor'
import type { RepoFaultCode } from '../../src/domain/repo-faults.ts'
import { type Block, blockOf, levelOf, linkTo, rawBlock } from './car.ts'
import type { Random } from './random.ts'

interface Entry {
  key: string
  /** What it says to share with the key before; as much as it does by default. */
  shared?: number
  /** Bytes of what it adds; those of the key by default. */
  added?: Buffer
  readonly value: CidLink
  after: Draft | null
}

/** A node before it is written. */
export interface Draft {
  left: Draft | null
  readonly entries: Entry[]
}

/** The tree of these keys, as there is only one. @param keys each once, in any order */
export function draftOf(keys: readonly string[]): Draft {
  const sorted = keys.toSorted()
  return draft(sorted, Math.max(0, ...sorted.map(levelOf)))
}

function draft(keys: readonly string[], level: number): Draft {
  const node: Draft = { left: null, entries: [] }
  let group: string[] = []
  const close = (): void => {
    const below = group.length === 0 ? null : draft(group, level - 1)
    group = []
    const last = node.entries.at(-1)
    if (last) last.after = below
    else node.left = below
  }
  for (const key of keys) {
    if (levelOf(key) < level) {
      group.push(key)
      continue
    }
    close()
    node.entries.push({ key, value: linkTo(recordAt(key)), after: null })
  }
  close()
  return node
}

/** The record under a key. */
export function recordAt(key: string): Block {
  return blockOf({ $type: 'computer.aesthetic.mood', text: `mood at ${key}` })
}

/** Writes the nodes of a tree. @returns them, the topmost first */
export function written(node: Draft): Block[] {
  const below: Block[] = []
  const linkOf = (child: Draft | null): CidLink | null => {
    if (child === null) return null
    const blocks = written(child)
    below.push(...blocks)
    return linkTo(blocks[0]!)
  }
  let last = ''
  const l = linkOf(node.left)
  const e = node.entries.map(({ key, shared, added, value, after }) => {
    let p = 0
    while (p < last.length && last[p] === key[p]) p++
    last = key
    const rest = added ?? Buffer.from(key.slice(shared ?? p))
    return { k: toBytes(rest), p: shared ?? p, t: linkOf(after), v: value }
  })
  return [blockOf({ e, l }), ...below]
}

/** All nodes, the topmost first. */
export function nodesOf(node: Draft): Draft[] {
  const children = [node.left, ...node.entries.map(({ after }) => after)]
  return [node, ...children.flatMap((child) => (child === null ? [] : nodesOf(child)))]
}

const keyOfLevel = (random: Random, level: number, isRight: (key: string) => boolean): string => {
  for (;;) {
    const key = `computer.aesthetic.mood/${createHash('sha256').update(String(random.next())).digest('hex').slice(0, 13)}`
    if (levelOf(key) === level && isRight(key)) return key
  }
}

const withEntries = (random: Random, nodes: readonly Draft[], least: number): Draft =>
  random.pick(nodes.filter(({ entries }) => entries.length >= least))

/** Spoils a tree in one way. @returns the codes that may name it */
type Spoil = (root: Draft, random: Random) => readonly RepoFaultCode[]

export const SPOILT: Readonly<Record<string, Spoil>> = {
  'keys in the wrong order': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 2)
    const [first, second] = [entries[0]!, entries[1]!]
    ;[first.key, second.key] = [second.key, first.key]
    return ['TreeKeyOrder', 'TreeKeyOutside']
  },
  'a key twice': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 2)
    entries[1]!.key = entries[0]!.key
    return ['TreeKeyOrder', 'TreeNodeMalformed', 'TreeKeyMalformed', 'TreeKeyOutside']
  },
  'a key of another level': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 1)
    const level = levelOf(entries[0]!.key)
    const key = keyOfLevel(random, level === 0 ? 1 : 0, (each) => each > entries.at(-1)!.key)
    entries.push({ key, value: linkTo(recordAt(key)), after: null })
    return ['TreeKeyLevel', 'TreeKeyOutside']
  },
  'a key outside the interval of its node': (root, random) => {
    // Beside a key of a node above: beyond the last key of all, it would be at its place.
    const lefts = nodesOf(root).flatMap(({ left }) => (left === null ? [] : nodesOf(left)))
    const { entries } = withEntries(random, lefts, 1)
    const level = levelOf(entries[0]!.key)
    const key = `z.z/${keyOfLevel(random, level, (each) => levelOf(`z.z/${each.split('/')[1]}`) === level).split('/')[1]}`
    entries.push({ key, value: linkTo(recordAt(key)), after: null })
    return ['TreeKeyOutside', 'TreeKeyLevel']
  },
  'a node below the lowest level': (root, random) => {
    const lowest = nodesOf(root).filter(({ entries }) => entries.length > 0 && levelOf(entries[0]!.key) === 0)
    const node = random.pick(lowest)
    node.left = { left: null, entries: [{ key: 'a.a/a', value: linkTo(recordAt('a.a/a')), after: null }] }
    return ['TreeTooDeep', 'TreeKeyLevel', 'TreeKeyOutside']
  },
  'a long chain of nodes without keys': (root, random) => {
    const node = withEntries(random, nodesOf(root), 1)
    let chain = node.left ?? { left: null, entries: [] }
    for (let i = 0; i < 300; i++) chain = { left: chain, entries: [] }
    node.left = chain
    return ['TreeTooDeep', 'TreeNodeMalformed', 'TreeKeyLevel']
  },
  'one node at two places': (root, random) => {
    const parents = nodesOf(root).filter(({ entries }) => entries.filter(({ after }) => after !== null).length > 1)
    const { entries } = random.pick(parents)
    const [first, second] = entries.filter(({ after }) => after !== null)
    second!.after = first!.after
    return ['TreeNodeTwice', 'TreeKeyOutside']
  },
  'a node that refers to the whole tree': (root, random) => {
    const copy = draftOf(nodesOf(root).flatMap(({ entries }) => entries.map(({ key }) => key)))
    const node = random.pick(nodesOf(root).filter((each) => each !== root))
    node.left = copy
    return ['TreeTooDeep', 'TreeKeyLevel', 'TreeKeyOutside', 'TreeNodeTwice', 'TreeNodeMalformed']
  },
  'an empty node within the tree': (root, random) => {
    withEntries(random, nodesOf(root), 1).entries[0]!.after = { left: null, entries: [] }
    return ['TreeNodeMalformed', 'TreeTooDeep']
  },
  'a topmost node without keys': (root) => {
    root.left = { left: root.left, entries: [...root.entries] }
    root.entries.length = 0
    return ['TreeNodeMalformed']
  },
  'a key that is no record key': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 1)
    entries.at(-1)!.key = `${entries.at(-1)!.key}/%00`
    return ['TreeKeyMalformed', 'TreeKeyLevel']
  },
  'a key that is no UTF-8': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 1)
    Object.assign(entries.at(-1)!, { shared: 0, added: Buffer.from([0xff, 0xfe, 0x2f, 0x80]) })
    return ['TreeKeyMalformed', 'TreeNodeMalformed', 'TreeKeyOrder']
  },
  'a key that shares more than the one before has': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 1)
    entries.at(-1)!.shared = 5000
    return ['TreeNodeMalformed']
  },
  'a key that shares less than it could': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 2)
    entries[1]!.shared = 0
    return ['TreeNodeMalformed']
  },
  'a key of another collection between ours': (root, random) => {
    const { entries } = withEntries(random, nodesOf(root), 2)
    const level = levelOf(entries[0]!.key)
    const wrong = keyOfLevel(random, level, (key) => levelOf(key.replace('mood', 'wood')) === level).replace(
      'mood',
      'wood',
    )
    entries.splice(1, 0, { key: wrong, value: linkTo(recordAt(wrong)), after: null })
    return ['TreeKeyOrder', 'TreeKeyOutside']
  },
}

/** Bytes that are no node, under the name that they have. */
export const NO_NODES: Readonly<Record<string, () => Block>> = {
  'a node that is a record': () => recordAt('a.b/c'),
  'a node with bytes behind it': () =>
    rawBlock(Buffer.concat([written(draftOf(['a.b/c']))[0]!.bytes, Buffer.alloc(1)])),
  'a node of 2 MB': () => rawBlock(Buffer.concat([encode({ e: [], l: null }), Buffer.alloc(2_000_001)])),
  'a node with more entries than bytes': () => rawBlock(Buffer.from('a261659b001fffffffffffff', 'hex')),
  'an empty block': () => rawBlock(new Uint8Array()),
}
