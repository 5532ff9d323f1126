/** How far a job is: a bar, and how long it will take. */
window.StashSense.part("job-progress", (sense) => {
  const { h, t } = sense;

  sense.JobProgress = ({ job, label }) => {
    const share = job.total ? (job.done / job.total) * 100 : 0;
    const facts = [];
    const rate = job.kind === "scene" ? "rateFrames" : "rate";
    if (job.rate) facts.push(t(rate, { rate: job.rate.toLocaleString(sense.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 }) }));
    if (job.eta_s) facts.push(t("left", { time: sense.formatDuration(job.eta_s) }));
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

  const TEXTS = { gallery: "progress", scene: "progressScene", library: "progressLibrary", database: "building" };

  /** How far a job is, in words. */
  sense.jobProgressText = ({ kind, done, total, faces, people }) =>
    t(TEXTS[kind], { done, total, faces, people });

  sense.formatDuration = (seconds) => {
    const whole = Math.max(1, Math.round(seconds));
    const rest = String(whole % 60).padStart(2, "0");
    return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)}:${rest} min`;
  };
});
