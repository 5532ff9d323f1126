/** The job that looks at the whole library: begun, paused and resumed from the pages of the library. */
window.StashSense.part("library-job", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  /** ended: called when it has been seen to run and to end. */
  sense.LibraryJob = ({ ended }) => {
    const { useEffect, useRef } = api.React;
    const { job, error, away, follow, control, retry } = sense.useJob();
    const ran = useRef(false);
    const latest = sense.useLoaded(async () => {
      const [newest] = await sense.listJobs("library");
      if (newest) await follow(newest.job_id);
      return true;
    }, []);
    const start = sense.useAction(async () => {
      const { job_id } = /** @type {{job_id: string}} */ (await sense.callSidecar("start_library"));
      await follow(job_id);
    });
    const pause = sense.useAction(() => control("pause_job"));
    const resume = sense.useAction(() => control("resume_job"));
    const running = sense.isRunning(job);
    useEffect(() => {
      if (ran.current && !running) ended();
      ran.current = running;
    }, [running]);
    const button = (/** @type {Action} */ action, /** @type {string} */ label) =>
      h(Button, { variant: "secondary", size: "sm", disabled: action.step === "busy", onClick: action.start }, label);
    const rests = !!job?.paused || (!!job && sense.canResume(job));
    const label = job && (job.paused ? t("libraryPaused") : job.status === "queued" ? t("queued") : sense.jobProgressText(job));
    return h(
      "div",
      { className: "sense-library-job" },
      running && h(sense.JobProgress, { job, label }),
      h(
        "div",
        { className: "sense-actions" },
        !running && latest.value && button(start, t("lookAtLibrary")),
        running && !job?.paused && button(pause, t("pause")),
        rests && button(resume, t("resume")),
        !running && job?.status === "done" && h("small", { className: "text-muted" }, t("asOf", { at: sense.formatTime(job.ended_at || job.created_at) })),
      ),
      job?.status === "failed" && h(sense.ErrorLine, { error: sense.problemText(job.error_code, job.error || "") }),
      h(sense.ErrorLine, { error: start.error || pause.error || resume.error }),
      (latest.error || error) &&
        h(sense.Problem, { error: latest.error || error, retry: latest.error ? latest.retry : retry }, away && h("p", null, t("goesOn"))),
    );
  };
});
