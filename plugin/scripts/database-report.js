/** What a build of the face database did, source by source: people added, updated and gone, pictures refused and why. */
window.StashSense.part("database-report", (sense, api) => {
  const { h, t } = sense;
  const { Link } = api.libraries.ReactRouterDOM;
  const LISTED = 100;

  /** The report of a job that has ended, read once it is opened. */
  sense.DatabaseReport = ({ jobId }) => {
    const { useState } = api.React;
    const [open, setOpen] = useState(false);
    const loaded = sense.useLoaded(() => sense.callSidecar("job", { job_id: jobId }), [jobId], open);
    const result = loaded.value?.result;
    return h(
      "details",
      { onToggle: (/** @type {{currentTarget: HTMLDetailsElement}} */ event) => setOpen(event.currentTarget.open) },
      h("summary", null, t("report")),
      loaded.error && h(sense.Problem, { error: loaded.error, retry: loaded.retry }),
      loaded.loading && h(sense.Busy, null, t("loading")),
      result && (result.sources || [{ report: result }]).map((/** @type {SourceReport} */ each, /** @type {number} */ at) => h(Source, { key: at, each })),
    );
  };

  /** @param {{key: number, each: SourceReport}} props */
  const Source = ({ each: { source, outcome, detail, report } }) => {
    const refused = [...(report?.skipped || []), ...(report?.quarantined || [])];
    const count = report ? Math.max(refused.length, (report.skipped_count || 0) + (report.quarantined_count || 0)) : 0;
    const gone = report?.gone || [];
    return h(
      "section",
      { className: "sense-report" },
      source && h("h6", null, h(sense.Text, null, sense.shortened(source, 300))),
      (outcome === "kept" || outcome === "failed") &&
        h("p", null, t(`outcome_${outcome}`), " ", detail && h(sense.Text, null, sense.shortened(detail, 1000))),
      report &&
        h(
          "p",
          null,
          t("reportCounts", { people: report.people || 0, faces: report.faces || 0, added: report.added || 0, updated: report.updated || 0 }),
        ),
      gone.length > 0 && h("p", null, h(sense.Text, null, t("reportGone", { names: sense.shortened(gone.join(", "), 2000) }))),
      (report?.problems || []).map((problem, at) => h("p", { key: at, className: "sense-error" }, h(sense.Text, null, sense.shortened(problem, 1000)))),
      count > 0 && h("p", null, t("reportRefused", { n: count })),
      h(
        "ul",
        null,
        refused.slice(0, LISTED).map((photo, at) => h(Refused, { key: at, photo })),
      ),
      count > LISTED && h("p", { className: "text-muted" }, t("more", { n: count - LISTED })),
    );
  };

  /** @param {{key: number, photo: RefusedPhoto}} props */
  const Refused = ({ photo: { name, local_id, picture, photo, code, why } }) => {
    const [text] = [`hygiene_${code}`, `unlearned_${code}`].map((key) => [key, t(key)]).filter(([key, found]) => key !== found);
    const whose = h(sense.Text, null, sense.shortened(name || photo || picture || "", 300));
    return h(
      "li",
      { title: why },
      local_id ? h(Link, { to: `/performers/${encodeURIComponent(local_id)}` }, whose) : whose,
      ": ",
      text ? text[1] : h(sense.Text, null, sense.shortened(why, 500)),
    );
  };
});
