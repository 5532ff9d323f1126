/** No face database yet: have one built of the library's own portraits. */
window.StashSense.part("build", (sense, api) => {
  const { h, say } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.Build = ({ ready }) => {
    const { useEffect } = api.React;
    const { job, error, follow, again, show } = sense.useJob();
    const start = sense.useAction(async () => {
      const { job_id } = /** @type {{job_id: string}} */ (await sense.call("start_database"));
      await follow(job_id);
    });
    useEffect(() => {
      sense.jobs().then(
        (jobs) => jobs.filter((each) => each.kind === "database" && sense.runs(each)).slice(0, 1).forEach(show),
        (problem) => sense.report("running jobs could not be read", problem),
      );
    }, []);
    const done = job?.status === "done";
    return h(
      "div",
      { className: "sense-empty" },
      h("h6", null, done ? say("built") : say("noDatabase")),
      h("p", null, say("noDatabaseHint")),
      error && h(sense.Problem, { error, again }),
      job && sense.runs(job)
        ? h(sense.Progress, { job, label: say("building", { done: job.done, total: job.total }) })
        : done
          ? h(Button, { autoFocus: true, onClick: ready }, say("title"))
          : h(Button, { disabled: start.step === "busy", onClick: start.start }, start.step === "busy" ? say("starting") : say("build")),
      (start.error || job?.error) &&
        h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, start.error || job?.error)),
    );
  };
});
