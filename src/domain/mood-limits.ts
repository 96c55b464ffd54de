/** Limits of the lexicon (`lexicons/computer/aesthetic/mood.json`); a test keeps the two equal. */
export const LIMITS = {
  textGraphemes: 280,
  textBytes: 2800,
  contextGraphemes: 1000,
  contextBytes: 10_000,
  intensityMin: 1,
  intensityMax: 10,
} as const

/** The longest id of a mood, in UTF-16 code units: existing databases have text of their own, and cursors and addresses hold it. */
export const ID_CHARACTERS = 512

/** How many moods a page of the feed holds: if the reader does not ask for a number, and at most. */
export const FEED_PAGE = { usual: 50, max: 100 } as const
