/** CIDs of records (https://atproto.com/specs/data-model#link-and-cid-formats). Pure. */

/** Whether it is the CID of a record, down to the last bit of its length and its hash: an existing database may claim anything. */
export function isRecordCid(cid: string): boolean {
  return /^bafyrei[a-h][a-z2-7]{50}[aeimquy4]$/.test(cid)
}
