/** Tags everyone shown, one after another. */
window.StashSense.part("accept-all", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  /**
   * One after another. A failure is counted and shown in its row; the others continue. All that one run added is
   * one batch: undone together, here and on the plugin's page. keyOf: the key in `rows` of each of `visible`.
   */
  sense.AcceptAll = ({ visible, rows, performers, keyOf = (person) => person.performer_id }) => {
    const { useEffect, useRef, useState } = api.React;
    const [at, setAt] = useState(0);
    const [outcome, setOutcome] = useState(/** @type {{done: number, failed: number, left: number} | null} */ (null));
    const [batch, setBatch] = useState(/** @type {string[]} */ ([])); // the rows that the last run added
    const stopped = useRef(false);
    useEffect(
      () => () => {
        stopped.current = true;
      },
      [],
    );
    const open = visible.filter((each) => performers.get(each.performer_id)?.length === 1);
    const run = sense.useAction(async () => {
      stopped.current = false;
      const batchId = sense.newBatchId();
      const counts = { done: 0, failed: 0, left: visible.length - open.length };
      undo.reset();
      setOutcome(null);
      setBatch([]);
      for (const [index, person] of open.entries()) {
        const key = keyOf(person);
        const row = rows.current.get(key);
        if (stopped.current || !row || row.nobodyLeft) counts.left += 1;
        else if (row.already || row.added) counts.done += 1;
        else {
          setAt(index + 1);
          const added = await row.addIn(batchId);
          counts[added ? "done" : "failed"] += 1;
          if (added) setBatch((before) => [...before, key]);
        }
      }
      setOutcome(counts);
    });
    const undo = sense.useAction(async () => {
      let failed = 0;
      for (const key of batch) {
        if (await rows.current.get(key)?.undo.start()) setBatch((before) => before.filter((each) => each !== key));
        else failed += 1;
      }
      if (failed) throw new Error(t("undoAllFailed", { n: failed }));
      setOutcome(null);
    });
    const busy = run.step === "busy" || undo.step === "busy";
    return h(
      "div",
      { className: "sense-actions" },
      h(
        Button,
        { className: "sense-accept", disabled: busy || !open.length, onClick: run.start },
        run.step === "busy" ? t("accepting", { i: at, n: open.length }) : t("acceptAll", { n: open.length }),
      ),
      run.step === "busy" &&
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
      run.step !== "busy" &&
        batch.length > 0 &&
        h(
          Button,
          { variant: "secondary", className: "sense-undo-all", disabled: busy, onClick: undo.start },
          undo.step === "busy" ? t("undoing") : t("undoAll", { n: batch.length }),
        ),
      undo.step === "done" && h("span", { role: "status", className: "text-muted" }, t("undone")),
      outcome && outcome.left > 0 && h("small", { className: "text-muted" }, t("leftOut")),
      undo.error && h(sense.ErrorLine, { error: undo.error }),
    );
  };

  /** `crypto.randomUUID` is only there with HTTPS or on localhost. */
  sense.newBatchId = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
});
