/** Jobs of the sidecar: list them, and follow one while it runs. */
window.StashSense.part("jobs", (sense, api) => {
  const POLLING = { firstMs: 250, everyMs: 1000, failures: 5 };
  const STORAGE_KEY = "stash-sense.changed"; // ids of jobs since whose result a user has decided on faces
  const MOST_STORED = 100;

  sense.isRunning = (job) => job?.status === "queued" || job?.status === "running";

  /** Whether the sidecar can continue it under the same id, without repeating what is done. */
  sense.canResume = (job) => job.status === "cancelled" || job.status === "failed";

  /** The latest jobs, newest first. For a target, the newest one comes with its result. */
  sense.listJobs = async (target) => {
    return (await sense.callSidecar("jobs", target ? { target, whole: true } : {})).jobs;
  };

  /** @returns {string[]} */
  const storedJobs = () => {
    try {
      const stored = JSON.parse(window.localStorage.getItem(STORAGE_KEY) || "[]");
      return Array.isArray(stored) ? stored.filter((each) => typeof each === "string") : [];
    } catch {
      return []; // a browser may refuse to store anything
    }
  };

  sense.hasDecisionsSince = (jobId) => storedJobs().includes(jobId);

  /** Remembers that the user decided on faces after this job, so that its result is out of date. */
  sense.noteDecision = (jobId) => {
    const stored = [jobId, ...storedJobs().filter((each) => each !== jobId)].slice(0, MOST_STORED);
    try {
      window.localStorage.setItem(STORAGE_KEY, JSON.stringify(stored));
    } catch (error) {
      sense.report("the browser does not store anything", error);
    }
  };

  /** The job that is followed: polled while it runs. */
  sense.useJob = () => {
    const { useState } = api.React;
    const [job, show] = useState(/** @type {Job | null} */ (null));
    const runningId = job && sense.isRunning(job) ? job.job_id : null;
    const read = (/** @type {string} */ job_id) => /** @type {Promise<Job>} */ (sense.callSidecar("job", { job_id }));
    const polling = sense.usePolling(
      async () => {
        const latest = await read(/** @type {string} */ (runningId));
        show((shown) => (shown?.job_id === latest.job_id ? latest : shown));
        return sense.isRunning(latest);
      },
      runningId,
      POLLING,
    );
    /** @param {string} jobId */
    const follow = async (jobId) => {
      polling.retry();
      show(await read(jobId));
    };
    /** @param {"cancel_job" | "resume_job"} mode */
    const control = async (mode) => {
      if (job) show(/** @type {Job} */ (await sense.callSidecar(mode, { job_id: job.job_id })));
    };
    return { job, error: polling.error, follow, control, show, retry: polling.retry };
  };
});
