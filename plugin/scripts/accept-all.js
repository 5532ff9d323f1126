/** Tagging everybody shown, one after another; and which of them are shown. */
window.StashSense.part("accept-all", (sense, api) => {
  const { h, say } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const GENDERS = /** @type {const} */ ([
    "FEMALE",
    "MALE",
    "TRANSGENDER_FEMALE",
    "TRANSGENDER_MALE",
    "INTERSEX",
    "NON_BINARY",
  ]);

  sense.clampPercent = (percent) => Math.min(100, Math.max(0, Number(percent) || 0));

  sense.Filters = ({ least, setLeast, gender, setGender, people, locals }) => {
    const there = new Set(people.flatMap((each) => (locals.get(each.performer_id) || []).map((one) => one.gender)));
    return h(
      "div",
      { className: "sense-filter" },
      h(
        Form.Label,
        null,
        `${say("minConfidence")}: ${say("percent", { n: least })}`,
        h(Form.Control, {
          type: "range",
          min: 0,
          max: 100,
          step: 5,
          value: least,
          onChange: (/** @type {{target: HTMLInputElement}} */ event) => setLeast(sense.clampPercent(event.target.value)),
        }),
      ),
      there.size > 1 &&
        h(
          Form.Label,
          null,
          say("gender"),
          h(
            Form.Control,
            {
              as: "select",
              className: "input-control",
              size: "sm",
              value: gender,
              onChange: (/** @type {{target: HTMLSelectElement}} */ event) => setGender(event.target.value),
            },
            h("option", { value: "" }, say("anyGender")),
            GENDERS.filter((each) => there.has(each)).map((each) => h("option", { key: each, value: each }, say(each))),
          ),
        ),
    );
  };

  /** One after another, each waited for; a failure is counted and shown in its row, and the rest goes on. */
  sense.AcceptAll = ({ visible, rows, locals }) => {
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
    const open = visible.filter((each) => (locals.get(each.performer_id) || []).length === 1);
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
        busy ? say("accepting", { i: at, n: open.length }) : say("acceptAll", { n: open.length }),
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
          say("stop"),
        ),
      outcome && h("span", { role: "status", className: "sense-outcome" }, say("accepted", outcome)),
      outcome && outcome.left > 0 && h("small", { className: "text-muted" }, say("leftOut")),
    );
  };
});
