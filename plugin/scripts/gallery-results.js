/** Who is in a gallery: filters, a row a person, Accept All, and what was left out and why. */
window.StashSense.part("gallery-results", (sense, api) => {
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
  const LISTED = 200; // skipped or failed images shown

  sense.GalleryResults = ({ gallery, settings, result, running }) => {
    const { useCallback, useMemo, useRef, useState } = api.React;
    const [least, setLeast] = useState(clamp(settings.minConfidence));
    const [gender, setGender] = useState("");
    const [also, setAlso] = useState(/** @type {Map<string, boolean>} */ (new Map()));
    const [alsoAll, setAlsoAll] = useState(settings.tagImages === true);
    const [seen, setSeen] = useState(/** @type {{imageId: string, person: GalleryPerson} | null} */ (null));
    const rows = useRef(/** @type {Map<string, Tagging>} */ (new Map()));
    const register = useCallback((/** @type {string} */ key, /** @type {Tagging} */ tagging) => {
      rows.current.set(key, tagging);
    }, []);
    const opener = useRef(/** @type {Element | null} */ (null));
    const close = () => {
      setSeen(null);
      // Back to the thumbnail, once the list shows again.
      setTimeout(() => opener.current instanceof HTMLElement && opener.current.focus(), 0);
    };
    const people = sense.useLocals(result.performers);
    const tagged = useMemo(() => new Set(gallery.performers.map((each) => each.id)), [gallery]);
    const fits = (/** @type {GalleryPerson} */ person) => {
      if (Math.round(person.confidence * 100) < least) return false;
      return !gender || (people.locals.get(person.performer_id) || []).some((each) => each.gender === gender);
    };
    const visible = result.performers.filter(fits);
    const hidden = result.performers.length - visible.length;
    const facts = {
      n: result.images_processed,
      m: result.total_images,
      f: result.faces_detected,
      p: result.performers.length,
    };
    return h(
      "div",
      null,
      !running && h("p", { role: "status", className: "sense-summary" }, say("processed", facts)),
      !!result.not_stored && h("p", { className: "sense-error" }, say("notStored", { n: result.not_stored })),
      people.error && h(sense.Problem, { error: people.error }),
      result.performers.length > 0
        ? h(
            "div",
            { className: "sense-filters" },
            h(Filters, { least, setLeast, gender, setGender, people: result.performers, locals: people.locals }),
            h(Form.Check, {
              type: "switch",
              id: "sense-also-all",
              label: say("alsoImagesAll"),
              checked: alsoAll,
              onChange: (/** @type {{target: HTMLInputElement}} */ event) => {
                setAlsoAll(event.target.checked);
                setAlso(new Map());
              },
            }),
            h(AcceptAll, { visible, rows, locals: people.locals }),
          )
        : !running &&
            h(
              "div",
              { className: "sense-empty" },
              h("h6", null, say("nobody")),
              h("p", null, say("nobodyHint", facts)),
            ),
      hidden > 0 && h("p", { className: "text-muted", role: "status" }, say("hidden", { n: hidden })),
      seen && h(SeenIn, { ...seen, close }),
      h(
        "ul",
        { className: "sense-people", hidden: !!seen },
        // All of them: what was done in a row, and its undo, outlast a filter that hides it.
        result.performers.map((person) =>
          h(sense.PersonRow, {
            key: person.performer_id,
            person,
            hidden: !visible.includes(person),
            gallery: { id: gallery.id, tagged },
            total: result.total_images,
            people,
            alsoImages: also.get(person.performer_id) ?? alsoAll,
            setAlsoImages: (/** @type {boolean} */ on) => 
              setAlso((before) => new Map([...before, [person.performer_id, on]])),
            look: (/** @type {string} */ imageId, /** @type {GalleryPerson} */ whom) => {
              opener.current = document.activeElement;
              setSeen({ imageId, person: whom });
            },
            register,
          }),
        ),
      ),
      h(LeftOut, { result }),
    );
  };

  /** @param {unknown} percent */
  const clamp = (percent) => Math.min(100, Math.max(0, Number(percent) || 0));

  /** @param {FiltersProps} props */
  const Filters = ({ least, setLeast, gender, setGender, people, locals }) => {
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
          onChange: (/** @type {{target: HTMLInputElement}} */ event) => setLeast(clamp(event.target.value)),
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

  /**
   * One after another, each waited for; a failure is counted and shown in its row, and the rest goes on.
   * @param {AcceptAllProps} props
   */
  const AcceptAll = ({ visible, rows, locals }) => {
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
        if (stopped.current || !row) counts.left += 1;
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

  /**
   * A picture of the gallery with the person's face framed.
   * @param {{imageId: string, person: GalleryPerson, close: () => void}} props
   */
  const SeenIn = ({ imageId, person, close }) => {
    const image = sense.useLoaded(() => sense.getImage(imageId), [imageId]);
    const picture = sense.usePicture(image.value);
    const answer = sense.useLoaded(
      () => /** @type {Promise<Identified>} */ (sense.call("identify_image", { image_id: imageId })),
      [imageId],
    );
    const faces = answer.value?.faces || [];
    const theirs = faces.filter((face) =>
      face.performer_id ? face.performer_id === person.performer_id : face.matches[0]?.performer_id === person.performer_id,
    );
    return h(
      "div",
      { className: "sense-seen-in" },
      h(
        "div",
        { className: "sense-actions" },
        h(Button, { variant: "secondary", autoFocus: true, onClick: close }, say("back")),
        h("strong", null, h(sense.Text, null, person.name)),
        answer.loading && h(sense.Busy, null, say("loading")),
      ),
      image.error && h(sense.Problem, { error: image.error, again: image.again }),
      answer.error && h(sense.Problem, { error: answer.error, again: answer.again }),
      h(sense.Boxed, {
        picture,
        boxes: theirs.map((face) => ({ box: face.box, label: person.name.slice(0, 300) })),
        current: 0,
        alt: person.name.slice(0, 300),
      }),
    );
  };

  /** @param {{result: GalleryResult}} props */
  const LeftOut = ({ result }) => {
    const skipped = result.skipped || [];
    const errors = result.errors || [];
    const more = (result.error_count || errors.length) - errors.length;
    const list = (/** @type {string[]} */ lines) =>
      h(
        "ul",
        null,
        lines.slice(0, LISTED).map((line, index) => h("li", { key: index }, h(sense.Text, null, line))),
      );
    return h(
      "div",
      { className: "sense-left-out" },
      skipped.length > 0 &&
        h(
          "details",
          null,
          h("summary", null, say("skipped", { n: skipped.length })),
          list(skipped.map((each) => say("skippedWhy", { id: each.image_id, why: each.reason }))),
        ),
      errors.length > 0 &&
        h(
          "details",
          { open: true },
          h("summary", null, say("errors", { n: result.error_count || errors.length })),
          list(errors),
          more > 0 && h("p", null, say("moreErrors", { n: more })),
        ),
    );
  };
});
