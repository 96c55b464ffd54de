/** Changing the policy on federation as an operator does, without a command. */

import { FEDERATE_NONE, type FederationPolicy } from '../../src/domain/policy.ts'
import type { Store } from '../../src/ports/store.ts'

/** Puts a policy in force, over what there was. @param policy what differs from "off" */
export async function federate({ policy: policies }: Pick<Store, 'policy'>, policy: Partial<FederationPolicy>) {
  const stored = (await policies.get())!
  await policies.save({ ...stored, policy: { ...FEDERATE_NONE, ...policy }, by: 'a test', reason: null })
}
