/** Limits of the lexicon (`lexicons/computer/aesthetic/mood.json`); a test keeps the two equal. */
export const LIMITS = {
  textGraphemes: 280,
  textBytes: 2800,
  contextGraphemes: 1000,
  contextBytes: 10_000,
  intensityMin: 1,
  intensityMax: 10,
} as const
