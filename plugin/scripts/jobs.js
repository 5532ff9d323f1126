/** Jobs of the sidecar: list them, and follow one while it runs. */
window.StashSense.part("jobs", (sense, api) => {
  sense.isRunning = (job) => job?.status === "queued" || job?.status === "running";

  /** Whether the sidecar can continue it under the same id, without repeating what is done. */
  sense.canResume = (job) => job.status === "cancelled" || job.status === "failed";

  /** The latest jobs, newest first. For a target, the newest one comes with its result. */
  sense.listJobs = async (target) => {
    return (await sense.callSidecar("jobs", target ? { target, whole: true } : {})).jobs;
  };

  /**
   * The job that is followed: polled while it runs, and where it was cut short, as it may be resumed elsewhere.
   * A poll brings the result only if it has changed.
   */
  sense.useJob = () => {
    const { useRef, useState } = api.React;
    const [job, setJob] = useState(/** @type {Job | null} */ (null));
    const latest = useRef(/** @type {Job | null} */ (null));
    const set = (/** @type {Job} */ next) => {
      latest.current = next;
      setJob(next);
    };
    const running = sense.isRunning(job);
    const polling = sense.usePolling(
      async () => {
        const before = latest.current;
        if (!before) return false;
        const now = await read(before.job_id, before.revision);
        if (latest.current !== before) return true; // an answer from before the last click
        set(now.result || now.revision !== before.revision ? now : { ...now, result: before.result });
        return sense.isRunning(now) || sense.canResume(now);
      },
      job && (running || sense.canResume(job)) ? `${job.job_id} ${running}` : null,
    );
    /** @param {string} jobId */
    const follow = async (jobId) => {
      polling.retry();
      set(await read(jobId));
    };
    /** @param {"cancel_job" | "pause_job" | "resume_job"} mode */
    const control = async (mode) => {
      if (job) set(/** @type {Job} */ (await sense.callSidecar(mode, { job_id: job.job_id })));
    };
    const { error, away, retry } = polling;
    return { job, error: running ? error : "", away, follow, control, show: set, retry };
  };

  /** @param {string} job_id @param {string | null} [since] @returns {Promise<Job>} */
  const read = (job_id, since) => sense.callSidecar("job", since ? { job_id, since } : { job_id });
});
