/** The button that tags a recognised person: choose or create the performer, add, undo. */
window.StashSense.part("tag-button", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;

  /**
   * Tagging one person, and its outcome. The button and Accept All share it.
   * @param {TaggingOptions} options
   */
  sense.useTagging = ({ person, performers, isTagged, write, learn }) => {
    const { useRef, useState } = api.React;
    const [chosen, setChosen] = useState("");
    const batch = useRef(/** @type {string | null} */ (null));
    const [entries, setEntries] = useState(/** @type {JournalEntry[]} */ ([]));
    const [note, setNote] = useState("");
    const [offered, setOffered] = useState(false); // performers of this name, instead of a new one
    const performer = performers?.length === 1 ? performers[0] : performers?.find((each) => each.id === chosen);
    const add = sense.useAction(async () => {
      const batchId = batch.current;
      undo.reset();
      setNote("");
      setOffered(false);
      let whom = performer;
      if (!whom && performers && !performers.length) {
        whom = await sense.createFromMatch(person, learn).catch((error) => {
          setOffered(error instanceof sense.NameTaken);
          throw error;
        });
        learn(person.performer_id, whom);
      }
      if (!whom) throw new Error(t("several"));
      const note = (/** @type {JournalEntry} */ entry) => {
        setEntries((before) => [...before, entry]);
        if (entry.unrecorded) setNote(t("noJournal", { why: entry.unrecorded }));
      };
      await write(whom, note, batchId);
    });
    /** @param {string} batchId */
    const addIn = (batchId) => {
      batch.current = batchId;
      const added = add.start(); // has read the batch by now
      batch.current = null;
      return added;
    };
    const undo = sense.useAction(async () => {
      for (const entry of entries) {
        await sense.undoEntry(entry);
        setEntries((before) => before.filter((each) => each !== entry));
      }
      setNote("");
    });
    const already = !!performer && isTagged(performer);
    const added = add.step === "done" && undo.step !== "done";
    return { add, addIn, undo, added, entries, note, offered, chosen, setChosen, performer, already };
  };

  sense.TagButton = ({ tagging, performers, label, person, undoOnly }) => {
    const { add, undo, added, entries, note, offered, chosen, setChosen, already } = tagging;
    if (!performers) return null;
    const several = performers.length > 1;
    const creates = !performers.length;
    return h(
      "div",
      { className: "sense-tagging" },
      several &&
        !undoOnly &&
        h(sense.PerformerChoice, {
          performers,
          chosen,
          choose: setChosen,
          disabled: add.step === "busy" || added,
        }),
      already && !added && undo.step !== "done"
        ? h("span", { className: "sense-already" }, t("tagged"))
        : !undoOnly &&
          h(
            Button,
            {
              variant: "primary",
              className: "sense-add",
              disabled: add.step === "busy" || undo.step === "busy" || added || (several && !chosen),
              title: creates ? t("createHint", { name: sense.shortened(person.name, 100) }) : undefined,
              onClick: add.start,
            },
            add.step === "busy"
              ? t("adding")
              : added
                ? t("added")
                : add.step === "failed" && !offered
                  ? t("failedRetry")
                  : creates
                    ? t("createAndAdd")
                    : label,
          ),
      entries.length > 0 &&
        add.step !== "busy" &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: undo.step === "busy", onClick: undo.start },
          undo.step === "busy" ? t("undoing") : t("undo"),
        ),
      undo.step === "done" && h("span", { role: "status", className: "text-muted" }, t("undone")),
      (add.error || undo.error || note) &&
        h(sense.ErrorLine, { error: add.error || undo.error || note }),
    );
  };

  /** Chooses between several performers of the library that have the same id. */
  sense.PerformerChoice = ({ performers, chosen, choose, disabled }) =>
    h(
      Form.Control,
      {
        as: "select",
        className: "input-control",
        size: "sm",
        value: chosen,
        "aria-label": t("several"),
        title: t("several"),
        disabled,
        onChange: (/** @type {{target: HTMLSelectElement}} */ event) => choose(event.target.value),
      },
      h("option", { value: "" }, t("several")),
      performers.map((each) =>
        h(
          "option",
          { key: each.id, value: each.id },
          `${sense.shortened(sense.performerName(each), 120)} #${each.id}`, // the id tells namesakes apart
        ),
      ),
    );
});
