/** What can be wrong with a repo as a PDS sends it: each fault has a code, and words. */

/** Each completes "the repository cannot be read: …". */
export const REPO_FAULTS = {
  CarTooSlow: 'it did not arrive in time',
  CarTooLarge: 'it is larger than PDS_MAX_REPO_MB allows',
  CarTooManyBlocks: 'it has more blocks than PDS_MAX_REPO_MB allows',
  CarCutShort: 'its end is missing',
  CarMalformed: 'what was sent is not a repository (CAR version 1)',
  CarNotOneRoot: 'it does not have exactly one root',
  CarForeignCid: 'a block has a name that no block of a repository has',
  CarWrongHash: 'a block does not have the hash of its name',
  CarBlockTooLarge: 'a block is larger than a repository may have',
  CarNoCommit: 'its root is not a commit',
  CarAnotherRepo: 'it is the repository of another account',
  CarWrongSignature: 'its commit is not signed by the key of its account',
  TreeBlockMissing: 'a block that is part of it was not sent',
  TreeNodeMalformed: 'a node of its tree does not have the form of one',
  TreeForeignCid: 'its tree refers to something that is no block of a repository',
  TreeNodeTwice: 'a node of its tree is referred to twice',
  TreeTooDeep: 'its tree is deeper than its keys allow',
  TreeKeyMalformed: 'its tree has a key that is no record key',
  TreeKeyOrder: 'a node of its tree has keys out of order',
  TreeKeyLevel: 'its tree has a key at a level that is not its own',
  TreeKeyOutside: 'its tree has a key in the wrong place',
  RepoOutdated: 'it is older than the newest commit that the PDS names',
} as const satisfies Readonly<Record<string, string>>

export type RepoFaultCode = keyof typeof REPO_FAULTS

/** A repo was sent, and cannot be read: never a partial reading. */
export class RepoFault extends Error {
  readonly code: RepoFaultCode

  constructor(code: RepoFaultCode) {
    super(REPO_FAULTS[code])
    this.code = code
  }
}

/** The words for a fault; null for a code that names none. */
export function repoFaultWords(code: string): string | null {
  return Object.hasOwn(REPO_FAULTS, code) ? REPO_FAULTS[code as RepoFaultCode] : null
}
