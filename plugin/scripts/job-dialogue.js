/** The dialogue of a gallery or a scene: start a job, follow or cancel it, and show its results. */
window.StashSense.part("job-dialogue", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.JobDialogue = ({ id, kind, hide }) => h(sense.Dialogue, { title: t("title"), hide }, h(sense.JobResults, { id, kind }));

  /** What is in the dialogue. */
  sense.JobResults = ({ id, kind }) => {
    const loaded = sense.useLoaded(
      () => Promise.all([kind.read(id), sense.pluginSettings(), sense.listJobs(`${kind.type}:${id}`)]),
      [id],
    );
    if (loaded.loading) return h(sense.Busy, null, t("loading"));
    if (loaded.error || !loaded.value?.[0])
      return h(sense.FailedCall, { error: loaded.error || t(`gone_${kind.type}`, { id }), retry: loaded.retry });
    return h(Run, { kind, target: loaded.value[0], settings: loaded.value[1], jobs: loaded.value[2] });
  };

  /** @param {{kind: JobKind, target: any, settings: Settings, jobs: Job[]}} props */
  const Run = ({ kind, target: first, settings, jobs }) => {
    const { useEffect, useRef, useState } = api.React;
    const [target, setTarget] = useState(first);
    const { job, error, away, follow, show, control, retry } = sense.useJob();
    const shown = useShown(job);
    const decidedOn = useRef(""); // the result on which the user decided in this window
    const [outdated, setOutdated] = useState(""); // the result that other windows' decisions are not in
    const start = async (fresh = false) => {
      const now = await kind.read(target.id);
      if (!now) throw new Error(t(`gone_${kind.type}`, { id: target.id }));
      setTarget(now); // others may have been tagged since
      const args = { [`${kind.type}_id`]: target.id, ...(fresh ? { force: true } : {}) };
      const { job_id } = /** @type {{job_id: string}} */ (await sense.callSidecar(`start_${kind.type}`, args));
      await follow(job_id);
    };
    const begin = sense.useAction(() => start());
    const update = sense.useAction(() => start());
    useEffect(() => {
      const latest = jobs.find(sense.isRunning) || jobs[0];
      const beginAtOnce = () => kind.atOnce && !kind.emptyText(target) && begin.start();
      if (latest?.result) show(latest);
      else if (latest)
        follow(latest.job_id).catch((problem) => {
          sense.report("the job could not be read", problem);
          beginAtOnce();
        });
      else beginAtOnce();
      // Decisions made or taken back since then, here or in another browser, are not in its result.
      if (latest?.result && latest.status === "done")
        hasOtherDecisions(kind, target.id, latest.result).then((others) => others && update.start());
    }, []);
    // Another tab or browser may have started another job, or decided on faces.
    sense.useReturn(async () => {
      if (sense.isRunning(job) || update.step === "busy" || begin.step === "busy") return;
      const { jobs: now } = /** @type {{jobs: Job[]}} */ (await sense.callSidecar("jobs", { target: `${kind.type}:${target.id}` }));
      const latest = now.find(sense.isRunning) || now[0];
      if (latest && latest.job_id !== job?.job_id) await follow(latest.job_id);
      else if (shown && job?.status === "done" && (await hasOtherDecisions(kind, target.id, shown.result))) {
        if (decidedOn.current === shown.resultId) setOutdated(shown.resultId);
        else await update.start();
      }
    });
    const problem = error && h(sense.Problem, { error, retry }, away && h("p", null, t("goesOn")));
    if (problem && !shown) return problem;
    if (!job) return h("div", null, h(Start, { kind, target, begin }), h(sense.DatabaseState));
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
        h(kind.Results, { target, settings, shown, running, update: start, changed, outdated: outdated === shown.resultId }),
      h(sense.DatabaseState, {
        result: shown && !running ? { version: shown.result.db_version, at: job.ended_at } : undefined,
        match: shown && !running ? () => start() : undefined,
      }),
      !running && h(Again, { kind, start, resume: sense.canResume(job) ? () => control("resume_job") : null }),
    );
  };

  /** Whether the decisions on its faces are others than those in a result. @param {JobKind} kind @param {string} id @param {{decisions_revision?: string}} result */
  const hasOtherDecisions = async (kind, id, result) => {
    try {
      const now = /** @type {{revision: string}} */ (await sense.callSidecar("decisions_revision", { [`${kind.type}_id`]: id }));
      return now.revision !== result.decisions_revision; // older results do not tell
    } catch (error) {
      sense.report("the decisions could not be read", error);
      return false;
    }
  };

  /**
   * The result to show. The first job's result shows as it grows; a later job's only once it has ended, so that
   * work on the rows of the previous result is not lost.
   * @param {Job | null} job @returns {ShownResult<any> | null}
   */
  const useShown = (job) => {
    const { useRef } = api.React;
    const last = useRef(/** @type {ShownResult<any> | null} */ (null));
    const running = sense.isRunning(job);
    if (job?.result && (!running || !last.current || last.current.resultId === job.job_id))
      last.current = { result: job.result, resultId: job.job_id, partial: running };
    return last.current;
  };

  /** @param {{kind: JobKind, target: any, begin: Action}} props */
  const Start = ({ kind, target, begin }) => {
    const empty = kind.emptyText(target);
    if (begin.step === "failed") return h(sense.FailedCall, { error: begin.error, retry: begin.start });
    if (empty) return h("div", { className: "sense-empty" }, h("h6", null, empty));
    if (kind.atOnce) return h(sense.Busy, null, t("starting"));
    return h(
      "div",
      { className: "sense-empty" },
      h("p", null, t("startHint", { n: target.image_count })),
      h(
        Button,
        { autoFocus: true, disabled: begin.step === "busy", onClick: begin.start },
        begin.step === "busy" ? t("starting") : t("start"),
      ),
    );
  };

  /** @param {{job: Job, control: (mode: "cancel_job") => Promise<void>}} props */
  const Running = ({ job, control }) => {
    const cancel = sense.useAction(() => control("cancel_job"));
    const label = job.status === "queued" ? t("queued") : sense.jobProgressText(job);
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
   * @param {{kind: JobKind, start: (fresh?: boolean) => Promise<void>, resume: (() => Promise<void>) | null}} props
   */
  const Again = ({ kind, start, resume }) => {
    const once = sense.useAction(resume || (() => start()));
    const fresh = sense.useAction(() => start(true));
    const busy = once.step === "busy" || fresh.step === "busy";
    const again = kind.againText();
    return h(
      "div",
      { className: "sense-actions sense-again" },
      (resume || again.once) &&
        h(Button, { variant: "secondary", disabled: busy, onClick: once.start }, resume ? t("resume") : again.once),
      h(
        Button,
        { variant: "secondary", disabled: busy, title: again.hint || undefined, onClick: fresh.start },
        again.fresh,
      ),
      (once.error || fresh.error) &&
        h(sense.ErrorLine, { error: once.error || fresh.error }),
    );
  };
});
