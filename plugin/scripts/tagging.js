/** The button that tags: choose whom, create them if need be, add, take back. */
window.StashSense.part("tagging", (sense, api) => {
  const { h, say } = sense;
  const { Button, Form } = api.libraries.Bootstrap;

  /**
   * What tagging a person would do, and how it went; used by the button and by Accept All.
   * @param {TaggingOptions} options
   */
  sense.useTagging = ({ person, performers, isTagged, write, learn }) => {
    const { useState } = api.React;
    const [chosen, setChosen] = useState("");
    const [entries, setEntries] = useState(/** @type {JournalEntry[]} */ ([]));
    const [note, setNote] = useState("");
    const performer = performers?.length === 1 ? performers[0] : performers?.find((each) => each.id === chosen);
    const add = sense.useAction(async () => {
      undo.forget();
      setNote("");
      let whom = performer;
      if (!whom && performers && !performers.length) {
        whom = await sense.create(person);
        learn(person.performer_id, whom);
      }
      if (!whom) throw new Error(say("several"));
      await write(whom, (entry) => {
        setEntries((before) => [...before, entry]);
        if (entry.unnoted) setNote(say("noJournal", { why: entry.unnoted }));
      });
    });
    const undo = sense.useAction(async () => {
      for (const entry of entries) {
        await sense.undo(entry);
        setEntries((before) => before.filter((each) => each !== entry));
      }
      setNote("");
    });
    const already = !!performer && isTagged(performer);
    const added = add.step === "done" && undo.step !== "done";
    return { add, undo, added, entries, note, chosen, setChosen, performer, already };
  };

  sense.TagButton = ({ tagging, performers, label, person, undoOnly }) => {
    const { add, undo, added, entries, note, chosen, setChosen, already } = tagging;
    if (!performers) return null;
    const several = performers.length > 1;
    const creates = !performers.length;
    return h(
      "div",
      { className: "sense-tagging" },
      several &&
        !undoOnly &&
        h(sense.SeveralSelect, {
          performers,
          chosen,
          choose: setChosen,
          disabled: add.step === "busy" || added,
        }),
      already && !added && undo.step !== "done"
        ? h("span", { className: "sense-already" }, say("tagged"))
        : !undoOnly &&
          h(
            Button,
            {
              variant: "primary",
              className: "sense-add",
              disabled: add.step === "busy" || undo.step === "busy" || added || (several && !chosen),
              title: creates ? say("createHint", { name: person.name.slice(0, 100) }) : undefined,
              onClick: add.start,
            },
            add.step === "busy"
              ? say("adding")
              : added
                ? say("added")
                : add.step === "failed"
                  ? say("again")
                  : creates
                    ? say("createAndAdd")
                    : label,
          ),
      entries.length > 0 &&
        add.step !== "busy" &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: undo.step === "busy", onClick: undo.start },
          undo.step === "busy" ? say("undoing") : say("undo"),
        ),
      undo.step === "done" && h("span", { role: "status", className: "text-muted" }, say("undone")),
      (add.error || undo.error || note) &&
        h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, add.error || undo.error || note)),
    );
  };

  /** Which of several performers of the library it is. */
  sense.SeveralSelect = ({ performers, chosen, choose, disabled }) =>
    h(
      Form.Control,
      {
        as: "select",
        className: "input-control",
        size: "sm",
        value: chosen,
        "aria-label": say("several"),
        title: say("several"),
        disabled,
        onChange: (/** @type {{target: HTMLSelectElement}} */ event) => choose(event.target.value),
      },
      h("option", { value: "" }, say("several")),
      performers.map((each) =>
        h(
          "option",
          { key: each.id, value: each.id },
          `${each.name}${each.disambiguation ? ` (${each.disambiguation})` : ""} #${each.id}`.slice(0, 120),
        ),
      ),
    );
});
