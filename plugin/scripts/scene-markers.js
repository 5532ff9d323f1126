/** Markers in Stash where a person is in a scene: only on request, with their own tag, and they can be removed again. */
window.StashSense.part("scene-markers", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const SAME_S = 0.5; // a marker as near as this to a span's start marks it already

  sense.SceneMarkers = ({ scene, performer, spans }) => {
    const { useState } = api.React;
    const { name } = performer;
    const [existing, setExisting] = useState(() => sense.ownMarkers(scene, name).length);
    const [entries, setEntries] = useState(/** @type {JournalEntry[]} */ ([]));
    const [note, setNote] = useState("");
    const add = sense.useAction(async () => {
      undo.reset();
      setNote("");
      const entry = await sense.markPerson(scene.id, performer, spans);
      if (entry) setEntries((before) => [...before, entry]);
      if (entry?.unrecorded) setNote(t("noJournal", { why: entry.unrecorded }));
      setExisting(await countOwn());
    });
    const undo = sense.useAction(async () => {
      for (const entry of entries) {
        await sense.undoEntry(entry);
        setEntries((before) => before.filter((each) => each !== entry));
      }
      setNote("");
      add.reset();
      setExisting(await countOwn());
    });
    const countOwn = async () => {
      const now = await sense.getScene(scene.id);
      return now ? sense.ownMarkers(now, name).length : 0;
    };
    const busy = add.step === "busy" || undo.step === "busy";
    const error = add.error || undo.error || note;
    return h(
      "div",
      { className: "sense-markers" },
      existing > 0 && h("span", { role: "status", className: "sense-already" }, t("markers", { n: existing })),
      entries.length > 0
        ? h(
            Button,
            { variant: "secondary", size: "sm", disabled: busy, onClick: undo.start },
            undo.step === "busy" ? t("undoing") : t("undoMarkers"),
          )
        : existing < spans.length &&
            h(
              Button,
              { variant: "link", size: "sm", title: t("addMarkersHint"), disabled: busy, onClick: add.start },
              add.step === "busy" ? t("saving") : add.step === "failed" ? t("failedRetry") : t("addMarkers", { n: spans.length - existing }),
            ),
      undo.step === "done" && h("span", { role: "status", className: "text-muted" }, t("undone")),
      error && h(sense.ErrorLine, { error }),
    );
  };

  /**
   * Marks those spans that have no marker of ours, journalled like a tag. Null if none is left. After a failure only
   * the answer may be lost: the scene itself tells which markers are there.
   */
  sense.markPerson = async (sceneId, performer, spans) => {
    const before = await ownOf(sceneId, performer.name);
    const open = spans.filter(([from]) => !before.some((each) => Math.abs(each.seconds - from) <= SAME_S));
    if (!open.length) return null;
    const targets = { target_type: "marker", target_ids: [sceneId], local_id: performer.id };
    const begun = /** @type {JournalEntry} */ (await sense.callSidecar("journal_begin", targets));
    /** @type {unknown} */
    let failure = null;
    const created = await sense.createMarkers(sceneId, performer.name, open).catch((error) => {
      failure = error;
      return null;
    });
    const known = new Set(before.map((each) => each.id));
    const now = await ownOf(sceneId, performer.name);
    const made = new Set(created || now.map((each) => each.id).filter((id) => !known.has(id)));
    // Another tab may have marked the same at the same time: the older marker stays.
    const isTwin = (/** @type {StashMarker} */ one) =>
      now.some((other) => Number(other.id) < Number(one.id) && Math.abs(other.seconds - one.seconds) <= SAME_S);
    const twins = now.filter((each) => made.has(each.id) && isTwin(each)).map((each) => each.id);
    await sense.destroyMarkers(twins);
    sense.refreshPage("scene");
    const added_ids = now.map((each) => each.id).filter((id) => made.has(id) && !twins.includes(id));
    const end = { entry_id: begun.entry_id, status: added_ids.length ? "done" : "failed", added_ids };
    const ended = await sense.callSidecar("journal_end", end).catch((error) => ({ ...begun, unrecorded: sense.errorText(error) }));
    if (failure && !added_ids.length) throw failure;
    return added_ids.length ? ended : null;
  };

  /** @param {string} sceneId @param {string} name */
  async function ownOf(sceneId, name) {
    const scene = await sense.getScene(sceneId);
    if (!scene) throw new Error(t("gone_scene", { id: sceneId }));
    return sense.ownMarkers(scene, name);
  }

  /** Which markers an entry that a closed tab left open stands for: all of ours for this performer. */
  sense.markersOfEntry = async (entry) => {
    const [performer] = await sense.performersById([entry.local_id]);
    const scene = await sense.getScene(entry.target_ids[0] || "");
    return scene && performer ? sense.ownMarkers(scene, performer.name).map((each) => each.id) : [];
  };

  /** Removes those markers of an entry that are still on its scene. */
  sense.removeMarkers = async (entry) => {
    const scene = await sense.getScene(entry.target_ids[0] || "");
    const there = new Set((scene?.scene_markers || []).map((each) => each.id));
    await sense.destroyMarkers(entry.added_ids.filter((id) => there.has(id)));
  };
});
