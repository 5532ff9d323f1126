/** The references that deserve a look, on the plugin's page: pictures, why, and setting aside or using again. */
window.StashSense.part("hygiene", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;
  const LIMIT = 20;
  const KINDS = ["other-person", "several-faces", "poor-face", "upside-down", "by-hand", "look-alike"];

  /** Nothing is compared until the user asks for it: a large face database takes minutes. */
  sense.PageHygiene = () => {
    const { useRef, useState } = api.React;
    const [asked, setAsked] = useState(false);
    const [kind, setKind] = useState("");
    const [pages, setPages] = useState(/** @type {HygienePage[]} */ ([]));
    const latest = useRef(0);
    const refresh = async () => {
      const call = (latest.current += 1);
      const page = await readPage(kind, 0);
      if (call === latest.current) setPages([page]); // else it is of another kind
      return page;
    };
    const loaded = sense.useLoaded(refresh, [kind], asked);
    const [first] = pages;
    const last = pages[pages.length - 1];
    const waits = !!first && !first.ready;
    const polling = sense.usePolling(async () => !(await refresh()).ready, asked && waits && !loaded.error ? "hygiene" : null);
    const more = sense.useAction(async () => {
      const call = latest.current;
      const next = await readPage(kind, last?.next_offset || 0);
      if (call === latest.current) setPages([...pages, next]);
    });
    const retry = () => {
      loaded.retry();
      polling.retry();
    };
    const counts = first?.counts || {};
    const found = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return h(
      sense.PageSection,
      {
        title: t("pageHygiene"),
        loaded: { ...loaded, value: first || !asked, error: loaded.error || polling.error, retry: asked ? retry : () => undefined },
      },
      h("p", { className: "text-muted" }, t("hygieneHint")),
      !asked && h(Button, { variant: "secondary", size: "sm", onClick: () => setAsked(true) }, t("checkReferences")),
      first && waits && h(sense.Busy, null, t("comparing", { done: first.done, total: first.total })),
      first?.ready && h("p", { role: "status" }, t(found ? "referencesFound" : "referencesFine", { n: found, total: first.total })),
      found > 0 &&
        h(
          Form.Control,
          {
            as: "select",
            size: "sm",
            className: "input-control sense-kind",
            "aria-label": t("hygieneKind"),
            value: kind,
            onChange: (/** @type {{target: HTMLSelectElement}} */ event) => setKind(event.target.value),
          },
          h("option", { value: "" }, t("hygieneAll", { n: found })),
          KINDS.filter((each) => counts[each] || each === kind).map((each) =>
            h("option", { key: each, value: each }, `${t(`hygiene_${each}`)} (${counts[each] || 0})`),
          ),
        ),
      h(
        "ul",
        { className: "sense-decisions sense-hygiene" },
        pages.flatMap((page) =>
          page.findings.map((finding) => h(Finding, { key: `${kind} ${finding.reference}`, finding })),
        ),
        pages.flatMap((page) =>
          page.look_alikes.map((pair) =>
            h(LookAlikes, { key: `${kind} ${pair.people.map((each) => each.performer_id).join(" ")}`, pair }),
          ),
        ),
      ),
      last?.next_offset &&
        h(Button, { variant: "secondary", size: "sm", disabled: more.step === "busy", onClick: more.start }, t("showMore")),
      h(sense.ErrorLine, { error: more.error }),
    );
  };

  /** @param {string} kind @param {number} offset @returns {Promise<HygienePage>} */
  const readPage = (kind, offset) =>
    sense.callSidecar("hygiene", { limit: LIMIT, ...(offset ? { offset } : {}), ...(kind ? { kind } : {}) });

  /** @param {{key: string, finding: HygieneFinding}} props */
  const Finding = ({ finding }) => {
    const { reference, person, like, code, in_use, kept } = finding;
    const name = sense.shortened(person.name, 100);
    const why = like ? t("moreLike", { name: sense.shortened(like.name, 100) }) : t(`hygiene_${code}`);
    return h(
      "li",
      { "aria-label": name },
      h(Picture, { src: pictureInStash(finding.photo), referenceId: finding.reference_id, person, label: t("doubtful") }),
      h(
        "div",
        { className: "sense-strip", role: "group", "aria-label": t("otherReferences", { name }) },
        person.reference_ids.slice(0, 3).map((id) => h(Picture, { key: id, src: null, referenceId: id, person, label: name })),
        like?.reference_ids[0] &&
          h(Picture, { src: null, referenceId: like.reference_ids[0], person: like, label: sense.shortened(like.name, 100) }),
      ),
      h(
        "div",
        { className: "sense-who" },
        h("strong", null, h(PersonLink, { person })),
        h("p", { className: "sense-standing", title: finding.reason }, h(sense.Text, null, why)),
        h(Where, { photo: finding.photo }),
      ),
      h(SetAside, { reference, aside: !in_use && !kept, inUse: in_use, kept, label: name }),
    );
  };

  /** @param {{key: string, pair: LookAlikePair}} props */
  const LookAlikes = ({ pair }) => {
    const [one, other] = pair.people;
    if (!one || !other) return null;
    const percent = sense.formatPercent(pair.confidence);
    return h(
      "li",
      { "aria-label": t("hygiene_look-alike") },
      h(
        "div",
        { className: "sense-pair" },
        pair.people.map((person, at) => {
          const label = sense.shortened(person.name, 100);
          const reference = pair.references[at];
          return h(
            "div",
            { key: person.performer_id },
            h(Picture, { src: null, referenceId: person.reference_ids[0] || null, person, label }),
            reference && h(SetAside, { reference, aside: false, inUse: true, kept: false, label }),
          );
        }),
      ),
      h(
        "div",
        { className: "sense-who" },
        h("strong", null, h(PersonLink, { person: one }), " · ", h(PersonLink, { person: other })),
        h("p", { className: "sense-standing" }, t("lookAlike", { percent })),
      ),
    );
  };

  /** Sets a reference aside or uses it again; each takes the other back. @param {SetAsideProps} props */
  const SetAside = ({ reference, aside: before, inUse: used, kept, label }) => {
    const { useState } = api.React;
    const [{ aside, inUse, changed }, setState] = useState({ aside: before, inUse: used, changed: false });
    const change = sense.useAction(async () => {
      await sense.callSidecar(aside ? "restore_references" : "quarantine", { references: [reference] });
      setState({ aside: !aside, inUse: false, changed: !changed });
    });
    const said = aside ? "setAside" : !inUse ? "usedAgain" : kept ? "keptByYou" : "";
    const action = t(changed ? "undo" : aside ? "useAgain" : "putAside");
    return h(
      "div",
      { className: "sense-actions" },
      said && h("span", { role: "status", className: "text-muted" }, t(said)),
      h(
        Button,
        {
          variant: "secondary",
          size: "sm",
          disabled: change.step === "busy",
          "aria-label": `${action}: ${label}`,
          onClick: change.start,
        },
        change.step === "busy" ? t("saving") : action,
      ),
      h(sense.ErrorLine, { error: change.error }),
    );
  };

  /** A reference; src: where Stash itself has the picture. @param {ReferencePictureProps} props */
  const Picture = ({ src, referenceId, person, label }) => {
    const { useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const seen = sense.useInView(place, !!referenceId);
    const reference = { reference_id: referenceId, performer_id: person.performer_id };
    const loaded = sense.useLoaded(() => sense.referenceImage(reference), [referenceId], !!referenceId && seen);
    return h(
      "figure",
      { ref: place, className: "sense-reference" },
      referenceId && !loaded.value && (!seen || loaded.loading)
        ? h("div", { className: "sense-portrait sense-none" })
        : h(sense.Portrait, { key: loaded.value || src, src: loaded.value || src, name: label, external: null }),
      h("figcaption", null, h(sense.Text, null, label)),
    );
  };

  /** @param {{person: KnownPerson}} props */
  const PersonLink = ({ person: { local_id, name } }) => {
    const text = h(sense.Text, null, sense.shortened(name, 200));
    return local_id ? h(Link, { to: `/performers/${encodeURIComponent(local_id)}` }, text) : text;
  };

  /** Where a photo is: a link to what Stash has, or the name of a file. @param {{photo: string}} props */
  const Where = ({ photo }) => {
    const { kind, id } = placeOf(photo);
    if (kind === "image") return h(Link, { to: `/images/${id}` }, t("toImage"));
    if (kind === "scene") return h(Link, { to: `/scenes/${id}` }, t("toScene"));
    if (kind) return null;
    return h("small", { className: "text-muted" }, h(sense.Text, null, sense.shortened(photo.split(/[\\/]/).pop() || "", 100)));
  };

  /** What of Stash's a photo is. @param {string} photo */
  const placeOf = (photo) => {
    const [, kind = "", id = ""] = /^stash:(performer|image|scene)\/(\d+)/.exec(photo) || [];
    return { kind, id };
  };

  /** @param {string} photo */
  function pictureInStash(photo) {
    const { kind, id } = placeOf(photo);
    if (kind === "performer") return `${sense.basePath()}/performer/${id}/image`;
    if (kind === "scene") return `${sense.basePath()}/scene/${id}/screenshot`;
    return kind === "image" ? sense.thumbnail(id) : null;
  }
});
