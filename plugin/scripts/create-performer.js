/** A new performer of the library: asks for the name, offers the performer who has it already. */
window.StashSense.part("create-performer", (sense, api) => {
  const { h, say } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  let forms = 0;

  /** faceId: whose crop becomes the portrait. pick: what comes of it, a new performer or one that is there. */
  sense.CreatePerformer = ({ faceId, pick, cancel }) => {
    const { useRef, useState } = api.React;
    const [id] = useState(() => `sense-create-${(forms += 1)}`);
    const [name, setName] = useState("");
    const [apart, setApart] = useState("");
    const [same, setSame] = useState(/** @type {Performer[]} */ ([]));
    const shownFor = useRef(""); // the name whose bearers the user has seen
    const create = sense.useAction(async () => {
      const wanted = { name: name.trim(), disambiguation: apart.trim() };
      if (!wanted.name) throw new Error(say("nameMissing"));
      const { found, clash } = await look(wanted);
      if (clash || (found.length && shownFor.current !== wanted.name)) {
        setSame(found);
        shownFor.current = wanted.name;
        return;
      }
      const performer = await make(wanted, faceId).catch(async (error) => {
        const now = await look(wanted).catch(() => ({ found: [], clash: false }));
        if (!now.clash) throw error;
        setSame(now.found); // made by somebody else in the meantime
        return null;
      });
      if (performer) pick(async () => performer);
    });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      create.start();
    };
    const close = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // or the whole dialogue would close
      cancel();
    };
    const busy = create.step === "busy";
    return h(
      "form",
      { className: "sense-create", onSubmit: submit, onKeyDown: close, noValidate: true },
      h(Field, {
        id: `${id}-name`,
        label: say("newName"),
        value: name,
        first: true,
        invalid: !!create.error,
        set: changed(setName),
      }),
      same.length > 0 &&
        h(
          "div",
          { className: "sense-same", role: "group", "aria-label": say("nameTaken") },
          h("p", { role: "status" }, say("nameTaken")),
          h(
            "ul",
            null,
            same.map((each) =>
              h(
                "li",
                { key: each.id },
                h(sense.PerformerLine, { performer: each }),
                h(
                  Button,
                  { variant: "primary", size: "sm", disabled: busy, onClick: () => pick(async () => each) },
                  h(sense.Text, null, say("choose", { name: each.name.slice(0, 100) })),
                ),
              ),
            ),
          ),
          h(Field, { id: `${id}-apart`, label: say("disambiguation"), value: apart, set: setApart }),
        ),
      h(
        "div",
        { className: "sense-actions" },
        h(Button, { type: "submit", variant: "primary", size: "sm", disabled: busy }, busy ? say("creating") : say("create")),
        h(Button, { variant: "secondary", size: "sm", onClick: cancel }, say("cancel")),
      ),
      create.error && h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, create.error)),
    );

    /** With another name nobody has been shown yet. @param {(text: string) => void} set */
    function changed(set) {
      return (/** @type {string} */ text) => {
        set(text);
        setSame([]);
        setApart("");
        shownFor.current = "";
      };
    }
  };

  /** @param {CreateFieldProps} props */
  const Field = ({ id, label, value, first, invalid, set }) =>
    h(
      Form.Group,
      { className: "sense-field" },
      h(Form.Label, { htmlFor: id }, label),
      h(Form.Control, {
        id,
        className: "text-input",
        type: "text",
        size: "sm",
        maxLength: 255,
        autoComplete: "off",
        autoFocus: first,
        "aria-invalid": invalid || undefined,
        value,
        onChange: (/** @type {{target: HTMLInputElement}} */ event) => set(event.target.value),
      }),
    );

  /**
   * Who has the name already, and whether Stash would refuse another one.
   * @param {{name: string, disambiguation: string}} wanted
   */
  async function look({ name, disambiguation }) {
    const found = await sense.performersNamed(name);
    return { found, clash: found.some((each) => (each.disambiguation || "") === disambiguation) };
  }

  /**
   * Without a portrait only where the face has none: a sidecar that is gone could not note the tag either.
   * @param {{name: string, disambiguation: string}} wanted @param {string | undefined} faceId
   */
  async function make({ name, disambiguation }, faceId) {
    const image = faceId === undefined ? null : await sense.crop(faceId);
    if (!image) await sense.health(true);
    /** @type {Record<string, unknown>} */
    const input = { name };
    if (disambiguation) input.disambiguation = disambiguation;
    if (image) input.image = image;
    return sense.createPerformer(input);
  }
});
