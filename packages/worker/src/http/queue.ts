// queue.ts — The order in which files are asked for, and how often one is tried again. Sends nothing.

const TRIES = 3

/** Jobs that are still to be done. */
export interface Queue<Job> {
  next(): Job | undefined
  empty(): boolean
  /** Puts a job back after a failure of its own; false after enough tries. */
  retry(job: Job): boolean
  /**
   * Puts a job back that was refused because there are too many requests. While other files are served meanwhile that
   * says nothing about this one; otherwise it is a try. False after enough tries.
   */
  postpone(job: Job, served: number): boolean
  /** Takes out all that is left. */
  drain(): Job[]
}

/** A queue of jobs, in their order; those put back come last. */
export function createQueue<Job>(jobs: readonly Job[]): Queue<Job> {
  const tries = new Map<Job, number>()
  const servedAt = new Map<Job, number>()
  const back: Job[] = []
  let at = 0
  const retry = (job: Job) => {
    const count = (tries.get(job) ?? 1) + 1
    tries.set(job, count)
    if (count <= TRIES) back.push(job)
    return count <= TRIES
  }
  return {
    next: () => (at < jobs.length ? jobs[at++] : back.shift()),
    empty: () => at >= jobs.length && back.length === 0,
    retry,
    postpone(job, served) {
      const goesOn = served > (servedAt.get(job) ?? -1)
      servedAt.set(job, served)
      if (!goesOn) return retry(job)
      back.push(job)
      return true
    },
    drain: () => [...jobs.slice(at, (at = jobs.length)), ...back.splice(0)],
  }
}
