/** Following a job of the sidecar: asked after once a second while it runs and somebody looks, else never. */
window.StashSense.part("job", (sense, api) => {
  const EVERY_MS = 1000;
  const LOST = 5; // failed looks in a row before it is given up

  sense.runs = (job) => job?.status === "queued" || job?.status === "running";

  /** Whether the sidecar can go on with it under the same id; what it had done is not done again. */
  sense.canResume = (job) => job.status === "cancelled" || job.status === "failed";

  /** The newest jobs, first the newest; of a target, that one with its result. */
  sense.jobs = async (target) => {
    return (await sense.call("jobs", target ? { target, whole: true } : {})).jobs;
  };

  const CHANGED = "stash-sense.changed"; // in this browser: jobs since whose result something was said of faces
  const KEPT = 100;

  /** @returns {string[]} */
  const changedJobs = () => {
    try {
      const kept = JSON.parse(window.localStorage.getItem(CHANGED) || "[]");
      return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
    } catch {
      return []; // a browser may keep nothing
    }
  };

  sense.changedSince = (jobId) => changedJobs().includes(jobId);

  /** Its result no longer says all that is known of its faces. */
  sense.noteChange = (jobId) => {
    const kept = [jobId, ...changedJobs().filter((each) => each !== jobId)].slice(0, KEPT);
    try {
      window.localStorage.setItem(CHANGED, JSON.stringify(kept));
    } catch (error) {
      sense.report("the browser keeps nothing", error);
    }
  };

  /** The job in hand, and how to follow another. */
  sense.useJob = () => {
    const { useEffect, useState } = api.React;
    const [job, setJob] = useState(/** @type {Job | null} */ (null));
    const [error, setError] = useState("");
    const id = job && sense.runs(job) ? job.job_id : null;
    useEffect(() => {
      if (!id) return undefined;
      let current = true;
      let failures = 0;
      /** @type {ReturnType<typeof setTimeout>} */
      let timer;
      const look = async () => {
        if (document.hidden) {
          timer = setTimeout(look, EVERY_MS);
          return;
        }
        try {
          const found = /** @type {Job} */ (await sense.call("job", { job_id: id }));
          failures = 0;
          if (current) setJob(found);
          if (!sense.runs(found)) return;
        } catch (problem) {
          failures += 1;
          if (failures >= LOST) {
            if (current) setError(sense.words(problem));
            return;
          }
        }
        if (current) timer = setTimeout(look, EVERY_MS);
      };
      timer = setTimeout(look, EVERY_MS / 4);
      return () => {
        current = false;
        clearTimeout(timer);
      };
    }, [id, error]);
    /** @param {string} job_id */
    const follow = async (job_id) => {
      setError("");
      setJob(/** @type {Job} */ (await sense.call("job", { job_id })));
    };
    /** @param {"cancel_job" | "resume_job"} mode */
    const tell = async (mode) => {
      if (job) setJob(/** @type {Job} */ (await sense.call(mode, { job_id: job.job_id })));
    };
    return { job, error, follow, tell, show: setJob, again: () => setError("") };
  };
});
