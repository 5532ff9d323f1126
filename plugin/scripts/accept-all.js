/** Tags everyone shown, one after another. */
window.StashSense.part("accept-all", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  /** One after another. A failure is counted and shown in its row; the others continue. */
  sense.AcceptAll = ({ visible, rows, performers }) => {
    const { useEffect, useRef, useState } = api.React;
    const [at, setAt] = useState(0);
    const [outcome, setOutcome] = useState(/** @type {{done: number, failed: number, left: number} | null} */ (null));
    const stopped = useRef(false);
    useEffect(
      () => () => {
        stopped.current = true;
      },
      [],
    );
    const open = visible.filter((each) => (performers.get(each.performer_id) || []).length === 1);
    const run = sense.useAction(async () => {
      stopped.current = false;
      const counts = { done: 0, failed: 0, left: visible.length - open.length };
      setOutcome(null);
      for (const [index, person] of open.entries()) {
        const row = rows.current.get(person.performer_id);
        if (stopped.current || !row || row.nobodyLeft) counts.left += 1;
        else if (row.already || row.added) counts.done += 1;
        else {
          setAt(index + 1);
          counts[(await row.add.start()) ? "done" : "failed"] += 1;
        }
      }
      setOutcome(counts);
    });
    const busy = run.step === "busy";
    return h(
      "div",
      { className: "sense-actions" },
      h(
        Button,
        { className: "sense-accept", disabled: busy || !open.length, onClick: run.start },
        busy ? t("accepting", { i: at, n: open.length }) : t("acceptAll", { n: open.length }),
      ),
      busy &&
        h(
          Button,
          {
            variant: "secondary",
            onClick: () => {
              stopped.current = true;
            },
          },
          t("stop"),
        ),
      outcome && h("span", { role: "status", className: "sense-outcome" }, t("accepted", outcome)),
      outcome && outcome.left > 0 && h("small", { className: "text-muted" }, t("leftOut")),
    );
  };
});
