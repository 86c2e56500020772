// How a process of ours is started that should stay small.

/** What is young there is soon gone: less memory for a little more of the collector's work. */
export const smallYoung: readonly string[] = ['--max-semi-space-size=4']

/** Large blocks go back when they are freed. Else glibc keeps more of them the larger they were. */
export const givesBack = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' }
