/** One unknown person of the library: faces, who it may be, naming, splitting and hiding. */
window.StashSense.part("cluster-card", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const IDLE = { step: "idle", error: "", start: async () => false, reset: () => undefined };
  const MEMBERS = 100; // in one call
  const HOMES = { image: "images", scene: "scenes" };

  sense.ClusterCard = ({ cluster, actions, people, selected, select, split, reread, settled }) => {
    const { useEffect, useState } = api.React;
    const { cluster_id: id, status, nearest, face_ids } = cluster;
    const [open, setOpen] = useState(/** @type {Naming["open"]} */ (""));
    const [out, setOut] = useState(/** @type {string[]} */ ([])); // faces to be split off
    const [members, setMembers] = useState(/** @type {{faces: ClusterMember[], next: string | null} | null} */ (null));
    const state = actions.states.get(id);
    useEffect(() => {
      setOut([]);
      setMembers(null);
    }, [cluster]);
    const more = sense.useAction(async () => {
      const page = await sense.callSidecar("cluster", { cluster_id: id, limit: MEMBERS, ...(members?.next ? { cursor: members.next } : {}) });
      setMembers({ faces: [...(members?.faces || []), ...page.members], next: page.next_cursor });
    });
    /** @param {NamingChoice} as */
    const name = async ({ find, key }) => {
      await actions.run(t("naming"), id, "named", async (action) => {
        const performer = await find();
        const performer_id = key ?? (await sense.performerKey(performer));
        await sense.callSidecar("name_cluster", { cluster_id: id, performer_id, local_id: performer.id, name: sense.shortened(performer.name, 1000) });
        action.label = t("clusterNamed", { name: sense.shortened(sense.performerName(performer), 100) });
        if (status !== "named") action.takeBack = () => sense.callSidecar("unname_cluster", { cluster_id: id });
      });
      return actions.states.get(id) === "named";
    };
    const ignore = async (ignored = true) => {
      await actions.run(t(ignored ? "state_hidden" : "state_shown"), id, ignored ? "hidden" : "shown", async (action) => {
        await sense.callSidecar("ignore_cluster", { cluster_id: id, ignored });
        action.takeBack = () => sense.callSidecar("ignore_cluster", { cluster_id: id, ignored: !ignored });
      });
      return actions.states.get(id) === "hidden";
    };
    const unname = () =>
      actions.run(t("nameTakenBack"), `unname ${id}`, "shown", async (action) => {
        await sense.callSidecar("unname_cluster", { cluster_id: id });
        action.takeBack = async () => {
          await sense.callSidecar("name_cluster", { cluster_id: id, performer_id: cluster.performer_id, ...(cluster.name ? { name: cluster.name } : {}) });
          await reread([id]);
        };
        await reread([id]);
      });
    /** @type {Naming} */
    const naming = {
      type: "image",
      act: { ...IDLE, step: state === "busy" ? "busy" : "idle" },
      undo: /** @type {Action} */ (IDLE),
      outcome: null,
      notes: [],
      open,
      setOpen,
      written: false,
      untagged: true,
      name,
      ignore,
      retry: async () => false,
    };
    const title = status === "named" ? t("namedBefore", { name: sense.shortened(cluster.name || cluster.performer_id || "", 100) }) : t("clusterTitle", { n: cluster.face_count });
    const faces = members ? members.faces.map((each) => each.face_id) : face_ids;
    const places = new Map(members?.faces.map((each) => [each.face_id, each]));
    return h(
      "li",
      {
        className: `sense-group sense-cluster${settled ? " sense-settled" : ""}`,
        tabIndex: -1,
        "data-sense-item": id,
        "data-sense-open": open || out.length || selected ? "" : undefined,
        "aria-label": title,
      },
      h(
        "div",
        { className: "sense-card-head" },
        h("h6", null, h(sense.Text, null, title)),
        !settled &&
          status === "open" &&
          h(Form.Check, { type: "checkbox", id: `sense-select-${id}`, label: t("mergeThis"), checked: selected, onChange: () => select(id) }),
      ),
      h("small", { className: "text-muted" }, placesOf(cluster)),
      h(
        "ul",
        { className: "sense-strip" },
        faces.map((faceId, index) =>
          h(Face, {
            key: faceId,
            faceId,
            number: index + 1,
            place: places.get(faceId),
            out: out.includes(faceId),
            toggle: settled || status !== "open" ? null : () => setOut((before) => (before.includes(faceId) ? before.filter((each) => each !== faceId) : [...before, faceId])),
          }),
        ),
      ),
      settled
        ? h(
            "p",
            { role: "status", className: "sense-already" },
            state === "busy" ? t("saving") : t(`state_${state}`),
            " ",
            state === "named" && h(Link, { to: "/plugins/stash-sense/suggestions" }, t("pageSuggestions")),
          )
        : h(
            api.React.Fragment,
            null,
            h(
              "div",
              { className: "sense-actions" },
              out.length > 0 && h(Button, { variant: "primary", size: "sm", onClick: () => split(cluster, out) }, t("splitOff", { n: out.length })),
              (members ? members.next : cluster.track_count > face_ids.length) &&
                h(Button, { variant: "link", size: "sm", disabled: more.step === "busy", onClick: more.start }, members ? t("showMore") : t("showAllFaces")),
              status === "hidden" && h(Button, { variant: "secondary", size: "sm", "data-sense-key": "r", onClick: () => ignore(false) }, t("showAgain")),
              status === "named" && h(Button, { variant: "secondary", size: "sm", onClick: unname }, t("takeNameBack")),
            ),
            status !== "hidden" &&
              h(sense.FaceNamingForm, {
                naming,
                people,
                likely: nearest.slice(0, 1),
                others: nearest.slice(1),
                faceId: status === "open" ? cluster.cover_face_id : undefined,
                more: "",
              }),
            state === "failed" && h("p", { role: "alert", className: "sense-error" }, t("failedRetry")),
          ),
      h(sense.ErrorLine, { error: more.error }),
    );
  };

  /** On how much they are seen. @param {Cluster} cluster */
  const placesOf = ({ image_count, scene_count }) =>
    Object.entries({ image: image_count, scene: scene_count })
      .filter(([, n]) => n)
      .map(([type, n]) => t(`clusterOn_${type}`, { n }))
      .join(", ");

  /** @param {{key: string, faceId: string, number: number, place: ClusterMember | undefined, out: boolean, toggle: (() => void) | null}} props */
  const Face = ({ faceId, number, place, out, toggle }) => {
    const face = h(sense.FaceThumbnail, { faceId, alt: t("clusterFace", { n: number }) });
    return h(
      "li",
      { className: out ? "sense-out" : undefined },
      place ? h(Link, { to: `/${HOMES[place.target_type]}/${encodeURIComponent(place.target_id)}${place.time_s ? `?t=${Math.floor(place.time_s)}` : ""}` }, face) : face,
      toggle &&
        h(
          "button",
          { type: "button", className: "sense-take-out", "aria-pressed": out, "aria-label": t("splitFace", { n: number }), title: t("notSame"), onClick: toggle },
          "✕",
        ),
    );
  };
});
