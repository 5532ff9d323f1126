/**
 * The faces that a newer face database gave a name, on the plugin's page: who, where, how sure, to tag or to refuse,
 * one by one or all. And going back to the face database before.
 */
window.StashSense.part("newly-named", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;

  sense.NewlyNamed = () => {
    const { useRef, useState } = api.React;
    const loaded = sense.useLoaded(() => sense.callSidecar("newly_named", { limit: 20 }), []);
    const [further, setFurther] = useState(/** @type {NewlyNamedPage | null} */ (null));
    const rows = useRef(/** @type {Map<string, RowTagging>} */ (new Map()));
    /** @type {NewlyNamedPage | null} */
    const first = loaded.value;
    const last = further || first;
    const faces = [...(first?.faces || []), ...(further?.faces || [])];
    const people = sense.usePeople(faces);
    const retry = () => {
      setFurther(null);
      loaded.retry();
    };
    const more = sense.useAction(async () => {
      const next = await sense.callSidecar("newly_named", { limit: 20, before: last?.next_before });
      setFurther({ ...next, faces: [...(further?.faces || []), ...next.faces] });
    });
    return h(
      sense.PageSection,
      { title: t("pageNewlyNamed"), loaded: { ...loaded, retry } },
      first?.matching && h("p", { className: "text-muted", role: "status" }, t("matchingAgain")),
      people.error && h(sense.Problem, { error: people.error, retry: people.retry }),
      faces.length > 1 &&
        h(sense.AcceptAll, {
          visible: faces,
          rows,
          performers: people.performers,
          keyOf: (/** @type {NewlyNamedFace} */ face) => String(face.id),
        }),
      faces.length
        ? h(
            "ul",
            { className: "sense-decisions sense-named" },
            faces.map((face) => h(NewName, { key: face.id, face, people, rows: rows.current })),
          )
        : h("p", { className: "text-muted" }, t("noneNewlyNamed")),
      last?.next_before &&
        h(Button, { variant: "secondary", size: "sm", disabled: more.step === "busy", onClick: more.start }, t("older")),
      more.error && h(sense.ErrorLine, { error: more.error }),
    );
  };

  /** @param {{key: number, face: NewlyNamedFace, people: People, rows: Map<string, RowTagging>}} props */
  const NewName = ({ face, people, rows }) => {
    const { useEffect, useState } = api.React;
    const { image_id, scene_id, gallery_ids, face_id, performer_id } = face;
    const name = sense.shortened(face.name, 1000);
    const performers = people.performers.get(performer_id);
    const [rejected, setRejected] = useState(/** @type {Decision | null} */ (null));
    const tagging = sense.useTagging({
      person: face,
      performers,
      isTagged: () => false, // what is tagged is not listed
      learn: people.learn,
      write: async (whom, note, batchId) => {
        const entry = await sense.tagPerformer(image_id ? "image" : "scene", [image_id || scene_id || ""], whom.id, batchId);
        if (entry) note(entry);
        // Undoing the entry takes the decision back. The tag does not depend on it.
        await sense
          .callSidecar("decide", { face_id, performer_id, name, word: "confirmed", ...(entry ? { entry_id: entry.entry_id } : {}) })
          .catch((error) => sense.report("the decision could not be stored", error));
      },
    });
    const dismiss = sense.useAction(() => sense.callSidecar("dismiss_newly_named", { ids: [face.id] }));
    const reject = sense.useAction(async () => {
      const local = face.local_id ? { local_id: face.local_id } : {};
      setRejected(await sense.callSidecar("decide", { face_id, performer_id, name, word: "rejected", ...local }));
    });
    const restore = sense.useAction(async () => {
      await sense.callSidecar("undecide_all", { decision_ids: [rejected?.decision_id] });
      setRejected(null);
    });
    const settled = !!rejected || dismiss.step === "done";
    useEffect(() => {
      rows.set(String(face.id), { ...tagging, nobodyLeft: settled });
      return () => void rows.delete(String(face.id));
    });
    const busy = [dismiss, reject, restore, tagging.add, tagging.undo].some((each) => each.step === "busy");
    const link = (/** @type {Action} */ action, /** @type {string} */ label) =>
      h(Button, { variant: "link", size: "sm", disabled: busy, onClick: action.start }, h(sense.Text, null, label));
    return h(
      "li",
      null,
      h(sense.FaceThumbnail, { faceId: face_id, alt: "" }),
      h(
        "div",
        { className: "sense-who" },
        h(sense.Text, null, t("nowNamed", { name: face.name, percent: sense.formatPercent(face.confidence) })),
        face.local_id &&
          h(Link, { to: `/performers/${encodeURIComponent(face.local_id)}`, className: "sense-where" }, t("toPerformer")),
        image_id && h(Link, { to: `/images/${encodeURIComponent(image_id)}`, className: "sense-where" }, t("toImage")),
        scene_id && h(Link, { to: `/scenes/${encodeURIComponent(scene_id)}`, className: "sense-where" }, t("toScene")),
        gallery_ids.map((id) =>
          h(Link, { key: id, to: `/galleries/${encodeURIComponent(id)}`, className: "sense-where" }, t("toGallery", { id })),
        ),
      ),
      h(
        "div",
        { className: "sense-actions" },
        rejected
          ? h(
              api.React.Fragment,
              null,
              h("span", { role: "status" }, h(sense.Text, null, t("notThemDone", { name: sense.shortened(face.name, 100) }))),
              link(restore, t("undo")),
            )
          : dismiss.step === "done"
            ? h("span", { role: "status" }, t("dismissed"))
            : h(
                api.React.Fragment,
                null,
                h(sense.TagButton, { tagging, performers, label: t(image_id ? "addImage" : "addScene"), person: face }),
                !tagging.added && link(reject, t("notName", { name: sense.shortened(face.name, 60) })),
                !tagging.added && link(dismiss, t("dismiss")),
              ),
      ),
      h(sense.ErrorLine, { error: dismiss.error || reject.error || restore.error }),
    );
  };

  /** Goes back to the face database before the last build, or forward again, once the user has agreed. */
  sense.RollbackDatabase = ({ done }) => {
    const { useState } = api.React;
    const [asking, setAsking] = useState(false);
    const loaded = sense.useLoaded(() => sense.callSidecar("database_info"), []);
    const switching = sense.useAction(async () => {
      await sense.callSidecar("rollback");
      setAsking(false);
      loaded.retry();
      done();
    });
    const info = loaded.value;
    if (!info?.other_version) return null;
    const label = t(info.rolled_back ? "goForward" : "goBack");
    const busy = switching.step === "busy";
    return h(
      "div",
      { className: "sense-database" },
      asking
        ? h(
            api.React.Fragment,
            null,
            h("p", { role: "status" }, t(info.rolled_back ? "goForwardHint" : "goBackHint")),
            h(Button, { variant: "secondary", size: "sm", disabled: busy, onClick: switching.start }, label),
            " ",
            h(Button, { variant: "link", size: "sm", disabled: busy, onClick: () => setAsking(false) }, t("cancel")),
          )
        : h(Button, { variant: "link", size: "sm", onClick: () => setAsking(true) }, label),
      switching.error && h(sense.ErrorLine, { error: switching.error }),
    );
  };
});
