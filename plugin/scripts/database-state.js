/** How old the face database is: what is newer in Stash, an update on the spot, and results that it has overtaken. */
window.StashSense.part("database-state", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  /** A build of the face database. done: called once it has ended well. */
  sense.useDatabaseBuild = (done) => {
    const { useEffect, useRef } = api.React;
    const followed = sense.useJob();
    const { job, follow } = followed;
    const wanted = useRef(/** @type {Record<string, unknown>} */ ({}));
    const starting = sense.useAction(async () => {
      const { job_id } = /** @type {{job_id: string}} */ (await sense.callSidecar("start_database", wanted.current));
      await follow(job_id);
    });
    useEffect(() => {
      if (job?.status !== "done") return;
      sense.health(true).catch((error) => sense.report("the sidecar's state could not be read", error));
      done();
    }, [job?.job_id, job?.status]);
    const start = (/** @type {Record<string, unknown>} */ args) => {
      wanted.current = args;
      starting.start();
    };
    return { ...followed, start, busy: starting.step === "busy" || sense.isRunning(job), startError: starting.error };
  };

  /** How far a build is, or why it failed; one that lost most people can be started all the same. */
  sense.DatabaseBuild = ({ build }) => {
    const { job, error, away, retry, start, busy, startError } = build;
    const said = job?.status === "failed" && job.error ? sense.problemText(job.error_code, job.error) : "";
    const anyway = () => start({ ...job?.asked, allow_empty: true });
    return h(
      api.React.Fragment,
      null,
      error && h(sense.Problem, { error, retry }, away && h("p", null, t("goesOn"))),
      job && sense.isRunning(job) && h(sense.JobProgress, { job, label: t("building", { done: job.done, total: job.total }) }),
      h(sense.ErrorLine, { error: startError || said }),
      job?.status === "failed" &&
        job.error_code === "people-vanished" &&
        h(Button, { variant: "secondary", size: "sm", disabled: busy, onClick: anyway }, t("buildAnyway")),
    );
  };

  /** Shows nothing where the sidecar cannot tell: what fails is shown elsewhere. */
  sense.DatabaseState = ({ result, match, built }) => {
    const { useRef } = api.React;
    const loaded = sense.useLoaded(() => sense.callSidecar("database_changes"), []);
    const first = useRef("");
    const build = sense.useDatabaseBuild(() => {
      loaded.retry();
      built?.();
    });
    /** @type {DatabaseChanges | null} */
    const state = loaded.value;
    const again = sense.useAction(async () => {
      await match?.();
      if (state) first.current = state.version;
    });
    if (!state) return null;
    first.current ||= state.version;
    const newer = state.new + state.changed;
    return h(
      "div",
      { className: "sense-database" },
      h(
        "p",
        { className: "text-muted" },
        [
          t("databaseFrom", { at: sense.formatTime(state.built_at) }),
          newer > 0 && t("databaseNew", { n: newer }),
          state.removed > 0 && t("databaseGone", { n: state.removed }),
        ]
          .filter(Boolean)
          .join(" "),
      ),
      (newer > 0 || state.removed > 0) &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: build.busy, onClick: () => build.start({ source: "all" }) },
          t(build.busy ? "updatingDatabase" : "updateNow"),
        ),
      h(sense.DatabaseBuild, { build }),
      match &&
        isOlder(result, state, first.current) &&
        h(
          "p",
          { className: "sense-note", role: "status" },
          t("databaseNewer"),
          " ",
          h(
            Button,
            { variant: "secondary", size: "sm", title: t("updateHint"), disabled: again.step === "busy", onClick: again.start },
            t("matchAgain"),
          ),
        ),
      h(sense.ErrorLine, { error: again.error }),
    );
  };

  /**
   * Whether the database is another than the result was matched with. Results of older versions do not say with which.
   * @param {{version?: string, at: string | null | undefined} | undefined} result
   * @param {DatabaseChanges} state
   * @param {string} first the version when the result was shown
   */
  function isOlder(result, state, first) {
    if (result?.version) return result.version !== state.version;
    if (result?.at && Date.parse(state.built_at) > Date.parse(result.at)) return true;
    return first !== state.version;
  }
});
