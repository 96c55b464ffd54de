/** What the continuous check may mend by itself (`auto-repair.ts`): what `AUTO_REPAIR` may say. */

export const AUTO_REPAIRS = ['off', 'safe'] as const
export type AutoRepair = (typeof AUTO_REPAIRS)[number]
