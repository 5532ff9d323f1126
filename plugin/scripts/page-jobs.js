/** The jobs of the sidecar, on the plugin's page: by title and time, filtered, cancelled, resumed, cleared. */
window.StashSense.part("page-jobs", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const STATUSES = ["queued", "running", "done", "failed", "cancelled"];

  /** The list is polled as a whole, so that a job that is begun or resumed elsewhere shows as well. */
  sense.PageJobs = () => {
    const { useRef, useState } = api.React;
    const [filter, setFilter] = useState({ kind: "", status: "" });
    const [jobs, setJobs] = useState(/** @type {Job[] | null} */ (null));
    const latest = useRef(0);
    const refresh = async () => {
      const call = (latest.current += 1);
      const list = await sense.listJobs();
      if (call === latest.current) setJobs(list); // else it may be from before the last click
    };
    const loaded = sense.useLoaded(refresh, []);
    const polling = sense.usePolling(() => refresh().then(() => true), jobs && !loaded.error ? "jobs" : null);
    const titles = sense.useLoaded(() => titlesOf(jobs || []), [targets(jobs || []).join()]);
    const clear = sense.useAction(() => sense.callSidecar("clear_jobs").then(refresh));
    const all = jobs || [];
    const shown = all.filter((job) => (!filter.kind || job.kind === filter.kind) && (!filter.status || job.status === filter.status));
    const error = loaded.error || polling.error;
    const retry = () => {
      loaded.retry();
      polling.retry();
    };
    return h(
      sense.PageSection,
      { title: t("pageJobs"), loaded: { ...loaded, value: jobs, error, retry } },
      all.length > 0 &&
        h(
          "div",
          { className: "sense-actions" },
          h(Filter, {
            label: t("jobKinds"),
            name: "job",
            values: [...new Set(all.map((job) => job.kind))],
            value: filter.kind,
            set: (/** @type {string} */ kind) => setFilter({ ...filter, kind }),
          }),
          h(Filter, {
            label: t("jobStatuses"),
            name: "status",
            values: STATUSES.filter((status) => all.some((job) => job.status === status)),
            value: filter.status,
            set: (/** @type {string} */ status) => setFilter({ ...filter, status }),
          }),
          h(
            Button,
            {
              variant: "secondary",
              size: "sm",
              title: t("clearJobsHint"),
              disabled: clear.step === "busy" || all.every(sense.isRunning),
              onClick: clear.start,
            },
            t("clearJobs"),
          ),
        ),
      h(sense.ErrorLine, { error: clear.error }),
      shown.length
        ? h(
            "ul",
            { className: "sense-list" },
            shown.map((job) => h(JobLine, { key: job.job_id, job, titles: titles.value || new Map(), refresh })),
          )
        : h("p", { className: "text-muted" }, all.length ? t("noJobsShown") : t("noJobs")),
    );
  };

  const HOMES = { gallery: "galleries", scene: "scenes" };

  /** The galleries and scenes of jobs, each once. @param {Job[]} jobs */
  const targets = (jobs) => [...new Set(jobs.map((job) => job.target))].filter((target) => placeOf(target)).sort();

  /** @param {string} target @returns {{type: "gallery" | "scene", id: string} | null} */
  const placeOf = (target) => {
    const [, type, id = ""] = /^(gallery|scene):(\d+)$/.exec(target) || [];
    return type === "gallery" || type === "scene" ? { type, id } : null;
  };

  /** By target. @param {Job[]} jobs @returns {Promise<Map<string, string>>} */
  async function titlesOf(jobs) {
    const places = targets(jobs).map(placeOf);
    const ids = (/** @type {string} */ type) => places.flatMap((place) => (place?.type === type ? [place.id] : []));
    const [galleries, scenes] = await Promise.all([sense.galleryTitles(ids("gallery")), sense.sceneTitles(ids("scene"))]);
    const keyed = (/** @type {string} */ type, /** @type {Map<string, string>} */ titles) =>
      [...titles].map(([id, title]) => /** @type {[string, string]} */ ([`${type}:${id}`, title]));
    return new Map([...keyed("gallery", galleries), ...keyed("scene", scenes)]);
  }

  /** @param {{label: string, name: string, values: string[], value: string, set: (value: string) => void}} props */
  const Filter = ({ label, name, values, value, set }) =>
    h(
      Form.Control,
      {
        as: "select",
        size: "sm",
        className: "input-control sense-job-filter",
        "aria-label": label,
        value,
        onChange: (/** @type {{target: HTMLSelectElement}} */ event) => set(event.target.value),
      },
      h("option", { value: "" }, label),
      values.map((each) => h("option", { key: each, value: each }, t(`${name}_${each}`))),
    );

  /** @param {{key: string, job: Job, titles: Map<string, string>, refresh: () => Promise<void>}} props */
  const JobLine = ({ job, titles, refresh }) => {
    const control = (/** @type {string} */ mode) => () => sense.callSidecar(mode, { job_id: job.job_id }).then(refresh);
    const cancel = sense.useAction(control("cancel_job"));
    const resume = sense.useAction(control("resume_job"));
    const place = placeOf(job.target);
    const button = (/** @type {Action} */ action, /** @type {string} */ label) =>
      h(Button, { variant: "secondary", size: "sm", disabled: action.step === "busy", onClick: action.start }, label);
    return h(
      "li",
      null,
      h("strong", null, t(`job_${job.kind}`)),
      " ",
      place && h(Link, { to: `/${HOMES[place.type]}/${place.id}` }, h(sense.Text, null, titles.get(job.target) || `#${place.id}`)),
      ` ${t(`status_${job.status}`)}: ${sense.jobProgressText(job)} `,
      h("small", { className: "text-muted" }, `${sense.formatTime(job.ended_at || job.created_at)} `),
      job.error && h(sense.Text, null, sense.problemText(job.error_code, job.error)),
      sense.isRunning(job) && button(cancel, t("cancel")),
      sense.canResume(job) && button(resume, t("resume")),
      job.kind === "database" && job.status === "done" && h(sense.DatabaseReport, { jobId: job.job_id }),
      h(sense.ErrorLine, { error: cancel.error || resume.error }),
    );
  };
});
