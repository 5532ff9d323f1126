/** The dialogue of a gallery: start, watch, cancel; then, or after a break-off, the results as they stand. */
window.StashSense.part("gallery-run", (sense, api) => {
  const { h, say } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.GalleryDialogue = ({ id, hide }) => {
    const loaded = sense.useLoaded(
      () => Promise.all([sense.getGallery(id), sense.settings(), sense.jobs(`gallery:${id}`)]),
      [id],
    );
    return h(
      sense.Dialogue,
      { title: say("title"), hide },
      loaded.loading
        ? h(sense.Busy, null, say("loading"))
        : loaded.error || !loaded.value?.[0]
          ? h(sense.Failed, { error: loaded.error || say("gone_gallery", { id }), again: loaded.again })
          : h(Run, { gallery: loaded.value[0], settings: loaded.value[1], jobs: loaded.value[2] }),
    );
  };

  /** @param {{gallery: StashGallery, settings: Settings, jobs: Job[]}} props */
  const Run = ({ gallery: first, settings, jobs }) => {
    const { useEffect, useState } = api.React;
    const [gallery, setGallery] = useState(first);
    const { job, error, follow, show, tell, again } = sense.useJob();
    const shown = useShown(job);
    const start = async (fresh = false) => {
      const now = await sense.getGallery(gallery.id);
      if (!now) throw new Error(say("gone_gallery", { id: gallery.id }));
      setGallery(now); // others may have been tagged since
      const args = { gallery_id: gallery.id, ...(fresh ? { force: true } : {}) };
      const { job_id } = /** @type {{job_id: string}} */ (await sense.call("start_gallery", args));
      await follow(job_id);
    };
    const update = sense.useAction(() => start());
    useEffect(() => {
      const found = jobs.find(sense.runs) || jobs[0]; // the latest
      if (found?.result) show(found);
      else if (found) follow(found.job_id).catch((problem) => sense.report("the job could not be read", problem));
      // What was said of faces since then is not in its result.
      if (found?.result && found.status === "done" && sense.changedSince(found.job_id)) update.start();
    }, []);
    if (error && !shown) return h(sense.Problem, { error, again });
    if (!job) return h(Start, { gallery, start });
    const running = sense.runs(job);
    const changed = () => [shown?.resultId, job.job_id].forEach((id) => id && sense.noteChange(id));
    return h(
      "div",
      null,
      error ? h(sense.Problem, { error, again }) : running && h(Running, { job, tell }),
      job.status === "cancelled" && h("p", { role: "status", className: "sense-note" }, say("cancelled")),
      job.status === "failed" &&
        h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, say("jobFailed", { why: job.error || "" }))),
      !running &&
        job.ended_at &&
        h("p", { className: "text-muted" }, say("asOf", { at: sense.when(job.ended_at) })),
      update.error && h(sense.Problem, { error: update.error, again: update.start }),
      shown && h(sense.GalleryResults, { gallery, settings, shown, running, update: start, changed }),
      !running && h(Again, { start, resume: sense.canResume(job) ? () => tell("resume_job") : null }),
    );
  };

  /**
   * The result to show: that of a job as it grows, but of one that runs again only once it has ended, so that what
   * is being done with the rows of the last one goes on.
   * @param {Job | null} job @returns {ShownResult | null}
   */
  const useShown = (job) => {
    const { useRef } = api.React;
    const last = useRef(/** @type {ShownResult | null} */ (null));
    const running = sense.runs(job);
    if (job?.result && (!running || !last.current || last.current.resultId === job.job_id))
      last.current = { result: job.result, resultId: job.job_id, partial: running };
    return last.current;
  };

  /** @param {{gallery: StashGallery, start: () => Promise<void>}} props */
  const Start = ({ gallery, start }) => {
    const go = sense.useAction(start);
    if (go.step === "failed") return h(sense.Failed, { error: go.error, again: go.start });
    return h(
      "div",
      { className: "sense-empty" },
      h("p", null, say("startHint", { n: gallery.image_count })),
      h(
        Button,
        { autoFocus: true, disabled: go.step === "busy", onClick: go.start },
        go.step === "busy" ? say("starting") : say("start"),
      ),
    );
  };

  /** @param {{job: Job, tell: (mode: "cancel_job") => Promise<void>}} props */
  const Running = ({ job, tell }) => {
    const cancel = sense.useAction(() => tell("cancel_job"));
    const label =
      job.status === "queued"
        ? say("queued")
        : say("progress", { done: job.done, total: job.total, faces: job.faces, people: job.people });
    return h(
      "div",
      { className: "sense-running" },
      h(sense.Progress, { job, label }),
      h(
        Button,
        { variant: "secondary", disabled: cancel.step === "busy", onClick: cancel.start },
        cancel.step === "busy" ? say("cancelling") : cancel.step === "failed" ? say("again") : say("cancel"),
      ),
      cancel.error && h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, cancel.error)),
    );
  };

  sense.Progress = ({ job, label }) => {
    const share = job.total ? (job.done / job.total) * 100 : 0;
    const facts = [];
    if (job.rate) facts.push(say("rate", { rate: job.rate.toFixed(1) }));
    if (job.eta_s) facts.push(say("left", { time: clock(job.eta_s) }));
    return h(
      "div",
      { className: "sense-progress" },
      h(
        "div",
        { className: "progress" },
        h("div", {
          className: "progress-bar",
          role: "progressbar",
          style: { width: `${share}%` },
          "aria-label": label,
          "aria-valuenow": Math.round(share),
          "aria-valuemin": 0,
          "aria-valuemax": 100,
        }),
      ),
      h("p", null, label),
      facts.length > 0 && h("p", { className: "text-muted" }, facts.join(", ")),
    );
  };

  /** @param {number} seconds */
  function clock(seconds) {
    const whole = Math.max(1, Math.round(seconds));
    const rest = String(whole % 60).padStart(2, "0");
    return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)}:${rest} min`;
  }

  /**
   * What broke off is gone on with; what is done is run again, which looks only at what is new.
   * @param {{start: (fresh?: boolean) => Promise<void>, resume: (() => Promise<void>) | null}} props
   */
  const Again = ({ start, resume }) => {
    const once = sense.useAction(resume || (() => start()));
    const fresh = sense.useAction(() => start(true));
    const busy = once.step === "busy" || fresh.step === "busy";
    return h(
      "div",
      { className: "sense-actions sense-again" },
      h(Button, { variant: "secondary", disabled: busy, onClick: once.start }, say(resume ? "resume" : "runAgain")),
      h(Button, { variant: "secondary", disabled: busy, onClick: fresh.start }, say("runFresh")),
      (once.error || fresh.error) &&
        h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, once.error || fresh.error)),
    );
  };
});
