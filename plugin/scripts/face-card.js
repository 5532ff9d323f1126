/** One face: what was seen beside what is known, who it is by its verdict, and what to do about it. */
window.StashSense.part("face-card", (sense, api) => {
  const { h, say } = sense;
  const { Button, Card } = api.libraries.Bootstrap;
  const VERDICTS = { match: "verdictMatch", ambiguous: "verdictAmbiguous", unknown: "verdictUnknown" };

  sense.FaceCard = ({ face, index, picture, image, people, current, onFocus, named }) => {
    const { useEffect, useRef, useState } = api.React;
    const body = useRef(/** @type {HTMLElement | null} */ (null));
    const [rejected, setRejected] = useState(/** @type {Map<string, Decision>} */ (new Map()));
    const [picked, setPicked] = useState(/** @type {string | null} */ (null));
    const everybody = sense.matchesOf(face);
    const left = everybody.filter((match) => !rejected.has(match.performer_id));
    // Whom the verdict names, or whom the user has picked; never just the nearest.
    const shownKey = picked ?? face.performer_id;
    const match = left.find((each) => each.performer_id === shownKey);
    const naming = sense.useNaming({ type: "image", id: image.id, faceIds: () => [face.face_id], imageIds: null });
    const { outcome } = naming;
    const name = match ? match.name : outcome?.kind === "named" ? outcome.performer.name : null;
    useEffect(() => named(index, name), [name]);
    sense.useRefocus(body, `${match?.performer_id} ${rejected.size}`);
    const label = say("face", { n: index + 1 });
    const refuse = async (/** @type {Match} */ whom) => {
      const words = { face_id: face.face_id, performer_id: whom.performer_id, word: "rejected" };
      const decision = /** @type {Decision} */ (await sense.call("decide", words));
      setRejected((before) => new Map([...before, [whom.performer_id, decision]]));
      setPicked(null);
    };
    const takeBack = async (/** @type {Match} */ whom) => {
      await sense.call("undecide", { decision_id: rejected.get(whom.performer_id)?.decision_id });
      setRejected((before) => new Map([...before].filter(([key]) => key !== whom.performer_id)));
    };
    const others = left.filter((each) => each !== match);
    const ambiguous = face.verdict === "ambiguous" && !rejected.size;
    return h(
      Card,
      {
        className: `sense-card${current ? " sense-current" : ""}`,
        as: "section",
        tabIndex: -1,
        "aria-label": label,
        "data-face": index,
        onFocus,
      },
      h(
        Card.Header,
        { className: "sense-card-head" },
        h("strong", null, label),
        h("span", { className: `sense-verdict sense-${face.verdict}` }, say(VERDICTS[face.verdict])),
        h("small", { className: "text-muted" }, h(sense.Text, null, face.reason)),
      ),
      h(
        Card.Body,
        { ref: body },
        match
          ? h(Candidate, { key: match.performer_id, match, face, picture, label, image, people, refuse })
          : h(
              "div",
              { className: "sense-unnamed" },
              h("div", { className: "sense-pair" }, h(Seen, { picture, face, label })),
              h(
                "div",
                { className: "sense-who" },
                !everybody.length && h("p", { className: "sense-nobody" }, say("noMatch")),
                h(sense.WhoIsIt, {
                  naming,
                  people,
                  likely: ambiguous ? left.slice(0, 2) : [],
                  others: ambiguous ? left.slice(2) : left,
                  faceId: face.face_id,
                  more: "",
                }),
              ),
            ),
        everybody
          .filter((each) => rejected.has(each.performer_id))
          .map((each) => h(Rejected, { key: each.performer_id, match: each, takeBack })),
        match && others.length > 0 && h(sense.Others, { matches: others, pick: setPicked }),
      ),
    );
  };

  /** The matches of a face; whom its verdict names is among them, also where only a decision says so. */
  sense.matchesOf = ({ performer_id, name, matches }) => {
    if (!performer_id || matches.some((each) => each.performer_id === performer_id)) return matches;
    const nothing = { stash_ids: [], local_id: null, country: null, image_url: null, reference_id: null };
    return [{ ...nothing, performer_id, name: name || performer_id, confidence: 1, distance: 0 }, ...matches];
  };

  /** @param {{picture: Picture, face: Face, label: string}} props */
  const Seen = ({ picture, face, label }) =>
    h(
      "figure",
      null,
      h(sense.Crop, { picture, box: face.box, faceId: face.face_id, alt: label }),
      h("figcaption", null, say("seen")),
    );

  /** @param {CandidateProps} props */
  const Candidate = ({ match, face, picture, label, image, people, refuse }) => {
    const reference = sense.useLoaded(() => sense.reference(match.reference_id), [match.reference_id]);
    const performers = people.locals.get(match.performer_id);
    const tagging = sense.useTagging({
      person: match,
      performers,
      isTagged: (whom) => image.tagged.has(whom.id),
      learn: people.learn,
      write: async (whom, note) => {
        const entry = await sense.tag("image", [image.id], whom.id);
        if (entry) note(entry);
        remember(face, match, entry);
      },
    });
    const no = sense.useAction(() => refuse(match));
    const known = reference.value || sense.portraitOf(performers?.[0]);
    return h(
      "div",
      { className: "sense-candidate" },
      h(
        "div",
        { className: "sense-pair" },
        h(Seen, { picture, face, label }),
        h(
          "figure",
          null,
          reference.loading
            ? h("div", { className: "sense-portrait sense-none" })
            : h(sense.Portrait, {
                src: known,
                name: match.name,
                outside: known ? null : sense.outside(match.image_url),
              }),
          h("figcaption", null, say("known")),
        ),
      ),
      h(
        "div",
        { className: "sense-who" },
        h(sense.Who, { person: match, performers }, h(sense.Confidence, { value: match.confidence })),
        h(
          "div",
          { className: "sense-actions" },
          h(sense.TagButton, { tagging, performers, label: say("addImage"), person: match }),
          h(
            Button,
            { variant: "link", size: "sm", disabled: no.step === "busy", onClick: no.start },
            no.step === "failed" ? say("again") : say("notThem"),
          ),
        ),
        no.error && h("p", { role: "alert", className: "sense-error" }, h(sense.Text, null, no.error)),
      ),
    );
  };

  /**
   * Whoever was tagged from a face is that face: the sidecar remembers, until the entry is undone. Tagging does
   * not depend on it.
   * @param {Face} face @param {Match} match @param {JournalEntry | null} entry
   */
  const remember = (face, match, entry) => {
    const { performer_id, name } = match;
    const words = { face_id: face.face_id, performer_id, name: name.slice(0, 1000), word: "confirmed" };
    sense
      .call("decide", { ...words, entry_id: entry?.entry_id })
      .catch((error) => sense.report("the decision could not be kept", error));
  };

  /** @param {{match: Match, takeBack: (match: Match) => Promise<void>}} props */
  const Rejected = ({ match, takeBack }) => {
    const back = sense.useAction(() => takeBack(match));
    return h(
      "p",
      { className: "sense-rejected", role: "status" },
      h(sense.Text, null, say("notThemDone", { name: match.name })),
      h(
        Button,
        { variant: "link", size: "sm", disabled: back.step === "busy", onClick: back.start },
        back.step === "failed" ? say("again") : say("takeBack"),
      ),
    );
  };

  sense.Others = ({ matches, pick }) =>
    h(
      "details",
      { className: "sense-others" },
      h("summary", null, say("others", { n: matches.length })),
      h(
        "ul",
        null,
        matches.map((match) =>
          h(
            "li",
            { key: match.performer_id },
            h(
              Button,
              { variant: "secondary", size: "sm", onClick: () => pick(match.performer_id) },
              h(sense.Text, null, say("choose", { name: match.name })),
            ),
            h(sense.Confidence, { value: match.confidence }),
          ),
        ),
      ),
    );
});
