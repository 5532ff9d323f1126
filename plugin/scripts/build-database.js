/** Builds the face database from the library's own portraits, where there is none yet. */
window.StashSense.part("build-database", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.BuildDatabase = ({ ready }) => {
    const { useEffect } = api.React;
    const { job, error, away, follow, retry, show } = sense.useJob();
    const start = sense.useAction(async () => {
      const { job_id } = /** @type {{job_id: string}} */ (await sense.callSidecar("start_database"));
      await follow(job_id);
    });
    useEffect(() => {
      sense.listJobs().then(
        (jobs) => jobs.filter((each) => each.kind === "database" && sense.isRunning(each)).slice(0, 1).forEach(show),
        (problem) => sense.report("running jobs could not be read", problem),
      );
    }, []);
    const done = job?.status === "done";
    return h(
      "div",
      { className: "sense-empty" },
      h("h6", null, done ? t("built") : t("noDatabase")),
      h("p", null, t("noDatabaseHint")),
      error && h(sense.Problem, { error, retry }, away && h("p", null, t("goesOn"))),
      job && sense.isRunning(job)
        ? h(sense.JobProgress, { job, label: t("building", { done: job.done, total: job.total }) })
        : done
          ? h(Button, { autoFocus: true, onClick: ready }, t("title"))
          : h(Button, { disabled: start.step === "busy", onClick: start.start }, start.step === "busy" ? t("starting") : t("build")),
      h(sense.ErrorLine, { error: start.error || (job?.error && sense.problemText(job.error_code, job.error)) }),
    );
  };
});
