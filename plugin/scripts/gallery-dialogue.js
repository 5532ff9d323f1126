/** The dialogue of a gallery: start a job, follow or cancel it, and show its results. */
window.StashSense.part("gallery-dialogue", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.GalleryDialogue = ({ id, hide }) => {
    const loaded = sense.useLoaded(
      () => Promise.all([sense.getGallery(id), sense.pluginSettings(), sense.listJobs(`gallery:${id}`)]),
      [id],
    );
    return h(
      sense.Dialogue,
      { title: t("title"), hide },
      loaded.loading
        ? h(sense.Busy, null, t("loading"))
        : loaded.error || !loaded.value?.[0]
          ? h(sense.FailedCall, { error: loaded.error || t("gone_gallery", { id }), retry: loaded.retry })
          : h(Run, { gallery: loaded.value[0], settings: loaded.value[1], jobs: loaded.value[2] }),
    );
  };

  /** @param {{gallery: StashGallery, settings: Settings, jobs: Job[]}} props */
  const Run = ({ gallery: first, settings, jobs }) => {
    const { useEffect, useRef, useState } = api.React;
    const [gallery, setGallery] = useState(first);
    const { job, error, away, follow, show, control, retry } = sense.useJob();
    const shown = useShown(job);
    const decidedOn = useRef(""); // the result on which the user decided in this window
    const [outdated, setOutdated] = useState(""); // the result that other windows' decisions are not in
    const start = async (fresh = false) => {
      const now = await sense.getGallery(gallery.id);
      if (!now) throw new Error(t("gone_gallery", { id: gallery.id }));
      setGallery(now); // others may have been tagged since
      const args = { gallery_id: gallery.id, ...(fresh ? { force: true } : {}) };
      const { job_id } = /** @type {{job_id: string}} */ (await sense.callSidecar("start_gallery", args));
      await follow(job_id);
    };
    const update = sense.useAction(() => start());
    useEffect(() => {
      const latest = jobs.find(sense.isRunning) || jobs[0];
      if (latest?.result) show(latest);
      else if (latest) follow(latest.job_id).catch((problem) => sense.report("the job could not be read", problem));
      // Decisions made or taken back since then, here or in another browser, are not in its result.
      if (latest?.result && latest.status === "done")
        hasOtherDecisions(gallery.id, latest.result).then((others) => others && update.start());
    }, []);
    // Another tab or browser may have run the gallery again, or decided on its faces.
    sense.useReturn(async () => {
      if (sense.isRunning(job) || update.step === "busy") return;
      const { jobs: now } = /** @type {{jobs: Job[]}} */ (await sense.callSidecar("jobs", { target: `gallery:${gallery.id}` }));
      const latest = now.find(sense.isRunning) || now[0];
      if (latest && latest.job_id !== job?.job_id) await follow(latest.job_id);
      else if (shown && job?.status === "done" && (await hasOtherDecisions(gallery.id, shown.result))) {
        if (decidedOn.current === shown.resultId) setOutdated(shown.resultId);
        else await update.start();
      }
    });
    const problem = error && h(sense.Problem, { error, retry }, away && h("p", null, t("goesOn")));
    if (problem && !shown) return problem;
    if (!job) return h("div", null, h(Start, { gallery, start }), h(sense.DatabaseState));
    const running = sense.isRunning(job);
    const changed = () => {
      decidedOn.current = shown?.resultId || "";
    };
    return h(
      "div",
      null,
      problem || (running && h(Running, { job, control })),
      job.status === "cancelled" && h("p", { role: "status", className: "sense-note" }, t("cancelled")),
      job.status === "failed" &&
        h(sense.ErrorLine, { error: t("jobFailed", { why: sense.problemText(job.error_code, job.error || "") }) }),
      !running &&
        job.ended_at &&
        h("p", { className: "text-muted" }, t("asOf", { at: sense.formatTime(job.ended_at) })),
      update.error && h(sense.Problem, { error: update.error, retry: update.start }),
      shown &&
        h(sense.GalleryResults, {
          gallery,
          settings,
          shown,
          running,
          update: start,
          changed,
          outdated: outdated === shown.resultId,
        }),
      h(sense.DatabaseState, {
        result: shown && !running ? { version: shown.result.db_version, at: job.ended_at } : undefined,
        match: shown && !running ? () => start() : undefined,
      }),
      !running && h(Again, { start, resume: sense.canResume(job) ? () => control("resume_job") : null }),
    );
  };

  /**
   * Whether the decisions on the gallery's faces are others than those in a result. Older results do not tell.
   * @param {string} gallery_id @param {GalleryResult} result
   */
  async function hasOtherDecisions(gallery_id, result) {
    try {
      const { revision } = /** @type {{revision: string}} */ (await sense.callSidecar("decisions_revision", { gallery_id }));
      return revision !== result.decisions_revision;
    } catch (error) {
      sense.report("the decisions could not be read", error);
      return false;
    }
  }

  /**
   * The result to show. The first job's result shows as it grows; a later job's only once it has ended, so that
   * work on the rows of the previous result is not lost.
   * @param {Job | null} job @returns {ShownResult | null}
   */
  const useShown = (job) => {
    const { useRef } = api.React;
    const last = useRef(/** @type {ShownResult | null} */ (null));
    const running = sense.isRunning(job);
    if (job?.result && (!running || !last.current || last.current.resultId === job.job_id))
      last.current = { result: job.result, resultId: job.job_id, partial: running };
    return last.current;
  };

  /** @param {{gallery: StashGallery, start: () => Promise<void>}} props */
  const Start = ({ gallery, start }) => {
    const go = sense.useAction(start);
    if (go.step === "failed") return h(sense.FailedCall, { error: go.error, retry: go.start });
    if (!gallery.image_count) return h("div", { className: "sense-empty" }, h("h6", null, t("emptyGallery")));
    return h(
      "div",
      { className: "sense-empty" },
      h("p", null, t("startHint", { n: gallery.image_count })),
      h(
        Button,
        { autoFocus: true, disabled: go.step === "busy", onClick: go.start },
        go.step === "busy" ? t("starting") : t("start"),
      ),
    );
  };

  /** @param {{job: Job, control: (mode: "cancel_job") => Promise<void>}} props */
  const Running = ({ job, control }) => {
    const cancel = sense.useAction(() => control("cancel_job"));
    const label =
      job.status === "queued"
        ? t("queued")
        : t("progress", { done: job.done, total: job.total, faces: job.faces, people: job.people });
    return h(
      "div",
      { className: "sense-running" },
      h(sense.JobProgress, { job, label }),
      h(
        Button,
        { variant: "secondary", disabled: cancel.step === "busy", onClick: cancel.start },
        cancel.step === "busy" ? t("cancelling") : cancel.step === "failed" ? t("failedRetry") : t("cancel"),
      ),
      cancel.error && h(sense.ErrorLine, { error: cancel.error }),
    );
  };

  /**
   * Resumes a job that stopped early; runs a finished one again, which only looks at what is new.
   * @param {{start: (fresh?: boolean) => Promise<void>, resume: (() => Promise<void>) | null}} props
   */
  const Again = ({ start, resume }) => {
    const once = sense.useAction(resume || (() => start()));
    const fresh = sense.useAction(() => start(true));
    const busy = once.step === "busy" || fresh.step === "busy";
    return h(
      "div",
      { className: "sense-actions sense-again" },
      h(Button, { variant: "secondary", disabled: busy, onClick: once.start }, t(resume ? "resume" : "runAgain")),
      h(Button, { variant: "secondary", disabled: busy, onClick: fresh.start }, t("runFresh")),
      (once.error || fresh.error) &&
        h(sense.ErrorLine, { error: once.error || fresh.error }),
    );
  };
});
