/** Names an unknown face or group: likely matches, choose or create a performer, ignore; then what was done. */
window.StashSense.part("face-naming-form", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.FaceNamingForm = ({ naming, likely, others, people, faceId, more }) => {
    const { useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const { act, undo, outcome, open, setOpen } = naming;
    const busy = act.step === "busy" || undo.step === "busy";
    const halfDone = !outcome && naming.written;
    sense.useRefocus(place, `${outcome?.kind} ${halfDone} ${open} ${busy}`);
    const pick = async (/** @type {() => Promise<Performer>} */ find) => {
      if (await naming.name({ find })) setOpen("");
    };
    /** @param {"choose" | "create"} which @param {string} label */
    const opener = (which, label) =>
      h(
        Button,
        {
          variant: "secondary",
          size: "sm",
          disabled: busy,
          "aria-expanded": open === which,
          onClick: () => setOpen(open === which ? "" : which),
        },
        label,
      );
    const close = () => setOpen("");
    return h(
      "div",
      { ref: place, className: "sense-who-is-it" },
      outcome || halfDone
        ? h(Done, { naming, halfDone, more })
        : h(
            api.React.Fragment,
            null,
            likely.length > 0 && h(Likely, { matches: likely, people, naming, busy }),
            h(
              "div",
              { className: "sense-actions" },
              opener("choose", t("choosePerformer")),
              opener("create", t("createPerformer")),
              faceId !== undefined &&
                h(
                  Button,
                  { variant: "secondary", size: "sm", disabled: busy, "data-sense-key": "r", onClick: () => naming.ignore() },
                  t(naming.untagged ? "hide" : "ignore"),
                ),
              busy && h("span", { role: "status" }, t("saving")),
              undo.step === "done" && !busy && h("span", { role: "status", className: "text-muted" }, t("undone")),
            ),
            open === "choose" && h(sense.PerformerPicker, { pick, cancel: close }),
            open === "create" && h(sense.CreatePerformer, { faceId, pick, cancel: close }),
            others.length > 0 &&
              h(
                "details",
                { className: "sense-others" },
                h("summary", null, t("possible", { n: others.length })),
                h(Choices, { matches: others, people, naming, busy, first: false }),
              ),
          ),
      (act.error || undo.error) &&
        h(sense.ErrorLine, { error: act.error || undo.error }),
      naming.notes.map((note, index) =>
        h("p", { key: index, role: "alert", className: "sense-error" }, h(sense.Text, null, note)),
      ),
    );
  };

  /** The outcome, with undo; a naming that failed half-way can be continued. @param {DoneProps} props */
  const Done = ({ naming, halfDone, more }) => {
    const { act, undo, outcome } = naming;
    const busy = act.step === "busy" || undo.step === "busy";
    return h(
      "div",
      { className: "sense-actions sense-done" },
      outcome && h("strong", { role: "status", className: "sense-already" }, h(sense.Text, null, outcomeText(naming))),
      h(
        Button,
        { variant: "secondary", size: "sm", disabled: busy, onClick: undo.start },
        undo.step === "busy" ? t("undoing") : t("undo"),
      ),
      halfDone &&
        act.step === "failed" &&
        h(Button, { variant: "primary", size: "sm", disabled: busy, onClick: naming.retry }, t("retry")),
      outcome?.kind === "named" && !outcome.images && more &&
        h(Button, { variant: "secondary", size: "sm", disabled: busy, onClick: naming.retry }, more),
      act.step === "busy" && h("span", { role: "status" }, t("saving")),
    );
  };

  /** @param {Naming} naming */
  function outcomeText({ outcome, type }) {
    if (outcome?.kind !== "named") return t("ignored");
    const name = sense.shortened(sense.performerName(outcome.performer), 280);
    return t(outcome.images ? "namedImages" : `named_${type}`, { name });
  }

  /** Asks whether it is one of the likely matches. @param {ChoicesProps} props */
  const Likely = ({ matches, people, naming, busy }) => {
    const [first, second] = matches.map((each) => {
      const performers = people.performers.get(each.performer_id);
      return sense.shortened(((performers?.length === 1 && performers[0]) || each).name, 150); // the choices below tell namesakes apart
    });
    const question =
      second === undefined
        ? t("isIt", { name: first })
        : first === second
          ? t("isItWhich", { name: first })
          : t("isItOr", { name: first, other: second });
    return h(
      "div",
      { className: "sense-likely", role: "group", "aria-label": question },
      h("p", null, h(sense.Text, null, question)),
      h(Choices, { matches, people, naming, busy, first: true }),
    );
  };

  /** @param {ChoicesProps} props */
  const Choices = ({ matches, people, naming, busy, first }) =>
    h(
      "ul",
      { className: "sense-choices" },
      matches.map((match, index) =>
        h(Choice, { key: match.performer_id, match, people, naming, busy, primary: !!first && index === 0 }),
      ),
    );

  /** @param {ChoiceProps} props */
  const Choice = ({ match, people, naming, busy, primary }) => {
    const { useState } = api.React;
    const performers = people.performers.get(match.performer_id);
    const [chosen, setChosen] = useState("");
    const performer = performers?.length === 1 ? performers[0] : performers?.find((each) => each.id === chosen);
    const creates = performers?.length === 0;
    const find = async () => {
      if (performer) return performer;
      const made = await sense.createFromMatch(match, people.learn);
      people.learn(match.performer_id, made);
      return made;
    };
    const name = sense.shortened(sense.libraryName(match, performers, performer), 160);
    return h(
      "li",
      null,
      h(sense.KnownPortrait, { person: match, performers, performer }),
      h(
        "div",
        { className: "sense-who" },
        h(
          "div",
          { className: "sense-facts" },
          h("span", null, h(sense.PersonName, { person: match, performers, chosen: performer })),
          h(sense.Confidence, { value: match.confidence }),
          h(sense.StashBoxLink, { person: match }),
        ),
        h("small", null, h(sense.LibraryLine, { performers })),
        performers &&
          performers.length > 1 &&
          h(sense.PerformerChoice, { performers, chosen, choose: setChosen, disabled: busy }),
        h(
          Button,
          {
            variant: primary ? "primary" : "secondary",
            size: "sm",
            disabled: busy || !performers || (performers.length > 1 && !performer),
            "data-sense-key": primary ? "a" : undefined,
            title: creates ? t("createHint", { name }) : undefined,
            onClick: () => naming.name({ find, key: match.performer_id }),
          },
          h(sense.Text, null, t(creates ? (naming.untagged ? "itIsNewOnly" : "itIsNew") : "itIs", { name })),
        ),
      ),
    );
  };
});
