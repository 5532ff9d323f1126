/** Who an unnamed face or group is: likely people as questions, choosing, creating, ignoring; then what was done. */
window.StashSense.part("who-is-it", (sense, api) => {
  const { h, say } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.WhoIsIt = ({ naming, likely, others, people, faceId, more }) => {
    const { useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const [mode, setMode] = useState(/** @type {"" | "choose" | "create"} */ (""));
    const { act, undo, outcome } = naming;
    const busy = act.step === "busy" || undo.step === "busy";
    const halfDone = !outcome && naming.written;
    sense.useRefocus(place, `${outcome?.kind} ${halfDone} ${mode} ${busy}`);
    const pick = async (/** @type {() => Promise<Performer>} */ find) => {
      if (await naming.name({ find })) setMode("");
    };
    /** @param {"choose" | "create"} which @param {string} label */
    const opener = (which, label) =>
      h(
        Button,
        {
          variant: "secondary",
          size: "sm",
          disabled: busy,
          "aria-expanded": mode === which,
          onClick: () => setMode(mode === which ? "" : which),
        },
        label,
      );
    const close = () => setMode("");
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
              opener("choose", say("choosePerformer")),
              opener("create", say("createPerformer")),
              faceId !== undefined &&
                h(Button, { variant: "secondary", size: "sm", disabled: busy, onClick: naming.ignore }, say("ignore")),
              busy && h("span", { role: "status" }, say("saving")),
              undo.step === "done" && !busy && h("span", { role: "status", className: "text-muted" }, say("undone")),
            ),
            mode === "choose" && h(sense.PerformerPicker, { pick, cancel: close }),
            mode === "create" && h(sense.CreatePerformer, { faceId, pick, cancel: close }),
            others.length > 0 &&
              h(
                "details",
                { className: "sense-others" },
                h("summary", null, say("possible", { n: others.length })),
                h(Choices, { matches: others, people, naming, busy, first: false }),
              ),
          ),
      (act.error || undo.error) &&
        h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, act.error || undo.error)),
      naming.notes.map((note, index) =>
        h("p", { key: index, role: "alert", className: "sense-error" }, h(sense.Text, null, note)),
      ),
    );
  };

  /** What was said, and how to take it back; what failed half-way can be gone on with. @param {DoneProps} props */
  const Done = ({ naming, halfDone, more }) => {
    const { act, undo, outcome } = naming;
    const busy = act.step === "busy" || undo.step === "busy";
    return h(
      "div",
      { className: "sense-actions sense-done" },
      outcome && h("strong", { role: "status", className: "sense-already" }, h(sense.Text, null, told(naming))),
      h(
        Button,
        { variant: "secondary", size: "sm", disabled: busy, onClick: undo.start },
        undo.step === "busy" ? say("undoing") : outcome?.kind === "ignored" ? say("takeBack") : say("undo"),
      ),
      halfDone &&
        act.step === "failed" &&
        h(Button, { variant: "primary", size: "sm", disabled: busy, onClick: naming.again }, say("retry")),
      outcome?.kind === "named" && !outcome.images && more &&
        h(Button, { variant: "secondary", size: "sm", disabled: busy, onClick: naming.again }, more),
      act.step === "busy" && h("span", { role: "status" }, say("saving")),
    );
  };

  /** @param {Naming} naming */
  function told({ outcome, type }) {
    if (outcome?.kind !== "named") return say("ignored");
    const { name, disambiguation } = outcome.performer;
    const who = `${name.slice(0, 200)}${disambiguation ? ` (${disambiguation.slice(0, 80)})` : ""}`;
    return say(outcome.images ? "namedImages" : `named_${type}`, { name: who });
  }

  /** A question, and its answers. @param {ChoicesProps} props */
  const Likely = ({ matches, people, naming, busy }) => {
    const [one, other] = matches.map((each) => each.name.slice(0, 150));
    const question =
      other === undefined
        ? say("isIt", { name: one })
        : one === other
          ? say("isItWhich", { name: one })
          : say("isItOr", { name: one, other });
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
    const performers = people.locals.get(match.performer_id);
    const [chosen, setChosen] = useState("");
    const performer = performers?.length === 1 ? performers[0] : performers?.find((each) => each.id === chosen);
    const creates = performers?.length === 0;
    const find = async () => {
      if (performer) return performer;
      const made = await sense.create(match);
      people.learn(match.performer_id, made);
      return made;
    };
    const name = match.name.slice(0, 100) + (performer?.disambiguation ? ` (${performer.disambiguation.slice(0, 60)})` : "");
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
          h("span", null, h(sense.Text, null, match.name)),
          h(sense.Confidence, { value: match.confidence }),
          h(sense.BoxLink, { person: match }),
        ),
        h("small", null, h(sense.LibraryLine, { performers })),
        performers &&
          performers.length > 1 &&
          h(sense.SeveralSelect, { performers, chosen, choose: setChosen, disabled: busy }),
        h(
          Button,
          {
            variant: primary ? "primary" : "secondary",
            size: "sm",
            disabled: busy || !performers || (performers.length > 1 && !performer),
            title: creates ? say("createHint", { name }) : undefined,
            onClick: () => naming.name({ find, key: match.performer_id }),
          },
          h(sense.Text, null, say(creates ? "itIsNew" : "itIs", { name })),
        ),
      ),
    );
  };
});
