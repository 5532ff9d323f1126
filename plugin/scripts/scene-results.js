/** The people of a scene: a card each, then the unknown ones, then what could not be read. */
window.StashSense.part("scene-results", (sense, api) => {
  const { h, t } = sense;
  const LISTED = 200; // errors shown
  const SOURCES = { file: "source_file", stream: "source_stream", sprite: "source_sprite" };

  /** @param {Results<StashScene, SceneResult> & {play: (seconds: number) => boolean}} props */
  sense.SceneResults = ({ target: scene, shown, running, update, changed, outdated, play }) => {
    const { useCallback, useMemo, useRef, useState } = api.React;
    const { result, resultId, partial } = shown;
    const [decided, setDecided] = useState("");
    const [noPlayer, setNoPlayer] = useState(false);
    const rows = useRef(/** @type {Map<string, RowTagging>} */ (new Map()));
    const register = useCallback((/** @type {string} */ key, /** @type {RowTagging} */ tagging) => {
      rows.current.set(key, tagging);
    }, []);
    const persons = useMemo(() => (result.persons || []).filter((each) => each.performer_id), [result]);
    // While the job runs, the unknown groups change with every frame.
    const groups = useMemo(
      () => (partial ? [] : result.unknown || []).map((each) => ({ ...each, face_ids: sense.bestFaces(each).map((face) => face.face_id) })),
      [result, partial],
    );
    const everyone = useMemo(
      () => [...persons.flatMap(sense.sceneMatches), ...groups.flatMap((each) => each.nearest || [])],
      [persons, groups],
    );
    const people = sense.usePeople(everyone);
    const tags = sense.useTagged(scene);
    const busy = (/** @type {string} */ key) => {
      const row = rows.current.get(key);
      return !!row && (row.entries.length > 0 || row.nobodyLeft || row.add.step === "busy" || row.undo.step === "busy");
    };
    const gone = sense.useRemovedInUse(persons, (each) => each.performer_id, busy);
    const duration = result.duration_s || scene.files[0]?.duration || 0;
    const rejected = () => {
      setDecided(resultId);
      changed();
    };
    const playOrSay = (/** @type {number} */ seconds) => setNoPlayer(!play(seconds));
    const root = useRef(/** @type {HTMLElement | null} */ (null));
    sense.useRefocus(root, resultId, ".sense-summary");
    const shared = { scene, duration, people, play: playOrSay };
    return h(
      "div",
      { ref: root },
      !running && h(Summary, { result, persons: persons.length, duration }),
      noPlayer && h("p", { role: "alert", className: "sense-error" }, t("noPlayer")),
      people.error && h(sense.Problem, { error: people.error, retry: people.retry }),
      (decided === resultId || outdated) &&
        !running &&
        h(sense.UpdateNote, { update, note: t("updateNoteScene"), label: t("matchAgain") }),
      persons.length > 0
        ? h("div", { className: "sense-filters" }, h(sense.AcceptAll, { visible: persons, rows, performers: people.performers }))
        : !running && h("div", { className: "sense-empty" }, h("h6", null, t("nobody"))),
      h(
        "ul",
        { className: "sense-people" },
        [...persons, ...gone].map((person) =>
          h(sense.ScenePerson, {
            ...shared,
            key: person.performer_id,
            person,
            hidden: false,
            gone: gone.includes(person),
            partial,
            tagged: tags.tagged,
            register,
            changed: rejected,
          }),
        ),
      ),
      h(sense.SceneUnknown, { ...shared, groups, resultId, changed, tagged: tags.set }),
      h(Errors, { errors: result.errors || [] }),
    );
  };

  /** What was looked at, and how. @param {{result: SceneResult, persons: number, duration: number}} props */
  const Summary = ({ result, persons, duration }) => {
    const facts = { n: result.frames_analyzed, f: result.faces_detected, p: persons, time: sense.formatClock(duration) };
    const source = SOURCES[result.source];
    const stopped = `stopped_${result.stopped}`;
    return h(
      api.React.Fragment,
      null,
      h("p", { role: "status", className: "sense-summary", tabIndex: -1 }, t("processedScene", facts)),
      h(
        "p",
        { className: result.source === "sprite" ? "sense-error" : "text-muted" },
        [source && t(source), t(stopped) !== stopped && t(stopped)].filter(Boolean).join(" "),
      ),
    );
  };

  /** @param {{errors: string[]}} props */
  const Errors = ({ errors }) =>
    errors.length > 0 &&
    h(
      "details",
      { open: true, className: "sense-left-out" },
      h("summary", null, t("errors", { n: errors.length })),
      h(
        "ul",
        null,
        errors.slice(0, LISTED).map((each, index) => h("li", { key: index }, h(sense.Text, null, each))),
      ),
    );
});
