/** The faces that a newer face database gave a name, on the plugin's page: who, where, how sure; and going back to the one before. */
window.StashSense.part("newly-named", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;

  sense.NewlyNamed = () => {
    const { useState } = api.React;
    const loaded = sense.useLoaded(() => sense.callSidecar("newly_named", { limit: 20 }), []);
    const [further, setFurther] = useState(/** @type {NewlyNamedPage | null} */ (null));
    /** @type {NewlyNamedPage | null} */
    const first = loaded.value;
    const last = further || first;
    const faces = [...(first?.faces || []), ...(further?.faces || [])];
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
      faces.length
        ? h("ul", { className: "sense-decisions" }, faces.map((face) => h(NewName, { key: face.id, face })))
        : h("p", { className: "text-muted" }, t("noneNewlyNamed")),
      last?.next_before &&
        h(Button, { variant: "secondary", size: "sm", disabled: more.step === "busy", onClick: more.start }, t("older")),
      more.error && h(sense.ErrorLine, { error: more.error }),
    );
  };

  /** @param {{face: NewlyNamedFace}} props */
  const NewName = ({ face }) => {
    const dismiss = sense.useAction(async () => {
      await sense.callSidecar("dismiss_newly_named", { ids: [face.id] });
    });
    const { image_id, scene_id, gallery_ids, local_id } = face;
    return h(
      "li",
      null,
      h(sense.FaceThumbnail, { faceId: face.face_id, alt: "" }),
      " ",
      h(sense.Text, null, t("nowNamed", { name: face.name, percent: Math.round(face.confidence * 100) })),
      local_id && h(Link, { to: `/performers/${encodeURIComponent(local_id)}`, className: "sense-where" }, t("toPerformer")),
      image_id && h(Link, { to: `/images/${encodeURIComponent(image_id)}`, className: "sense-where" }, t("toImage")),
      scene_id && h(Link, { to: `/scenes/${encodeURIComponent(scene_id)}`, className: "sense-where" }, t("toScene")),
      gallery_ids.map((id) =>
        h(Link, { key: id, to: `/galleries/${encodeURIComponent(id)}`, className: "sense-where" }, t("toGallery", { id })),
      ),
      " ",
      dismiss.step === "done"
        ? h("span", { role: "status" }, t("dismissed"))
        : h(
            Button,
            { variant: "link", size: "sm", disabled: dismiss.step === "busy", onClick: dismiss.start },
            t("dismiss"),
          ),
      dismiss.error && h(sense.ErrorLine, { error: dismiss.error }),
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
