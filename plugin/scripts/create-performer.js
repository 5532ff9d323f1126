/** Creates a performer from a face: asks for the name, and offers a performer who already has it. */
window.StashSense.part("create-performer", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  let forms = 0;

  /** faceId: whose crop becomes the portrait. pick: called with the new or the existing performer. */
  sense.CreatePerformer = ({ faceId, pick, cancel }) => {
    const { useRef, useState } = api.React;
    const [id] = useState(() => `sense-create-${(forms += 1)}`);
    const [name, setName] = useState("");
    const [disambiguation, setDisambiguation] = useState("");
    const [namesakes, setNamesakes] = useState(/** @type {Performer[]} */ ([]));
    const shownFor = useRef(""); // the name whose performers the user has seen
    const create = sense.useAction(async () => {
      const entered = { name: name.trim(), disambiguation: disambiguation.trim() };
      if (!entered.name) throw new Error(t("nameMissing"));
      const { existing, clash } = await findNamesakes(entered);
      if (clash || (existing.length && shownFor.current !== entered.name)) {
        setNamesakes(existing);
        shownFor.current = entered.name;
        return;
      }
      const performer = await createPerformer(entered, faceId).catch(async (error) => {
        const now = await findNamesakes(entered).catch(() => ({ existing: [], clash: false }));
        if (!now.clash) throw error;
        setNamesakes(now.existing); // created elsewhere in the meantime
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
        label: t("newName"),
        value: name,
        first: true,
        invalid: !!create.error,
        set: changed(setName),
      }),
      namesakes.length > 0 &&
        h(
          "div",
          { className: "sense-same", role: "group", "aria-label": t("nameTaken") },
          h("p", { role: "status" }, t("nameTaken")),
          h(
            "ul",
            null,
            namesakes.map((each) =>
              h(
                "li",
                { key: each.id },
                h(sense.PerformerLine, { performer: each }),
                h(
                  Button,
                  { variant: "primary", size: "sm", disabled: busy, onClick: () => pick(async () => each) },
                  h(sense.Text, null, t("choose", { name: sense.shortened(each.name, 100) })),
                ),
              ),
            ),
          ),
          h(Field, { id: `${id}-apart`, label: t("disambiguation"), value: disambiguation, set: setDisambiguation }),
        ),
      h(
        "div",
        { className: "sense-actions" },
        h(Button, { type: "submit", variant: "primary", size: "sm", disabled: busy }, busy ? t("creating") : t("create")),
        h(Button, { variant: "secondary", size: "sm", onClick: cancel }, t("cancel")),
      ),
      create.error && h(sense.ErrorLine, { error: create.error }),
    );

    /** A new name: its performers are not shown yet. @param {(text: string) => void} set */
    function changed(set) {
      return (/** @type {string} */ text) => {
        set(text);
        setNamesakes([]);
        setDisambiguation("");
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
   * The performers of this name or alias, and whether Stash would refuse another one.
   * @param {{name: string, disambiguation: string}} entered
   */
  async function findNamesakes({ name, disambiguation }) {
    const [existing = []] = await sense.performersCalled([name]);
    const same = (/** @type {Performer} */ each) =>
      sense.comparableName(each.name) === sense.comparableName(name) && (each.disambiguation || "") === disambiguation;
    return { existing, clash: existing.some(same) };
  }

  /**
   * Creates one without a portrait only where the face has none: with the sidecar gone, the tag could not be journalled either.
   * @param {{name: string, disambiguation: string}} entered @param {string | undefined} faceId
   */
  async function createPerformer({ name, disambiguation }, faceId) {
    const image = faceId === undefined ? null : await sense.faceCrop(faceId);
    if (!image) await sense.health(true);
    /** @type {Record<string, unknown>} */
    const input = { name };
    if (disambiguation) input.disambiguation = disambiguation;
    if (image) input.image = image;
    return sense.createPerformer(input);
  }
});
