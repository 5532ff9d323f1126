/** One detected face: its crop next to the reference, its verdict, and what to do with it. */
window.StashSense.part("face-card", (sense, api) => {
  const { h, t } = sense;
  const { Button, Card } = api.libraries.Bootstrap;

  sense.FaceCard = ({ face, index, picture, image, people, current, onFocus, named, reread }) => {
    const { useEffect, useRef, useState } = api.React;
    const body = useRef(/** @type {HTMLElement | null} */ (null));
    const [rejected, setRejected] = useState(/** @type {Map<string, Decision>} */ (new Map()));
    const [picked, setPicked] = useState(/** @type {string | null} */ (null));
    const matches = sense.matchesOf(face);
    const remaining = matches.filter((match) => !rejected.has(match.performer_id));
    // The person of the verdict, or the one that the user picked; never just the nearest.
    const shownKey = picked ?? face.performer_id;
    const match = remaining.find((each) => each.performer_id === shownKey);
    const naming = sense.useFaceNaming({ type: "image", id: image.id, faceIds: () => [face.face_id], imageIds: null });
    const outcome = match ? null : naming.outcome;
    const performer = outcome?.kind === "named" ? outcome.performer : null;
    const name = match
      ? sense.libraryName(match, people.performers.get(match.performer_id))
      : performer && sense.performerName(performer);
    useEffect(() => named(index, name), [name]);
    sense.useRefocus(body, `${match?.performer_id} ${rejected.size}`);
    const label = t("face", { n: index + 1 });
    const reject = async (/** @type {Match} */ whom) => {
      const { performer_id, name, local_id } = whom;
      const about = { performer_id, name: sense.shortened(name, 1000), ...(local_id ? { local_id } : {}) };
      const request = { face_id: face.face_id, ...about, word: "rejected" };
      const decision = /** @type {Decision} */ (await sense.callSidecar("decide", request));
      setRejected((before) => new Map([...before, [whom.performer_id, decision]]));
      setPicked(null);
    };
    const restore = async (/** @type {Match} */ whom) => {
      await sense.callSidecar("undecide", { decision_id: rejected.get(whom.performer_id)?.decision_id });
      setRejected((before) => new Map([...before].filter(([key]) => key !== whom.performer_id)));
    };
    const others = remaining.filter((each) => each !== match);
    const ambiguous = face.verdict === "ambiguous" && !rejected.size;
    const first = matches.find((each) => each.performer_id === (face.performer_id ?? matches[0]?.performer_id));
    const { status, reason } = shownVerdict({ face, match, outcome, rejected: first && rejected.has(first.performer_id) ? first : null });
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
        h(sense.VerdictBadge, { status }),
        h("small", { className: "sense-reason" }, h(sense.Text, null, sense.reasonText(reason, people.performers))),
      ),
      h(
        Card.Body,
        { ref: body },
        match
          ? h(Candidate, { key: match.performer_id, match, face, picture, label, image, people, reject })
          : h(
              "div",
              { className: "sense-unnamed" },
              h(
                "div",
                { className: "sense-pair" },
                h(Seen, { picture, face, label }),
                performer &&
                  h(Known, { src: sense.performerPortrait(performer), name: sense.performerName(performer) }),
              ),
              h(
                "div",
                { className: "sense-who" },
                !matches.length && !outcome && h("p", { className: "sense-nobody" }, t("noMatch")),
                h(sense.FaceNamingForm, {
                  naming,
                  people,
                  likely: ambiguous ? remaining.slice(0, 2) : [],
                  others: ambiguous ? remaining.slice(2) : remaining,
                  faceId: face.face_id,
                  more: "",
                }),
              ),
            ),
        matches
          .filter((each) => rejected.has(each.performer_id))
          .map((each) => h(Rejected, { key: each.performer_id, match: each, people, restore })),
        h(sense.FaceDecisions, { decisions: face.decisions ?? [], changed: reread }),
        match && others.length > 0 && h(sense.OtherMatches, { matches: others, people, pick: setPicked }),
      ),
    );
  };

  /**
   * What the card's head says: the verdict, until the user chooses, names, ignores or rejects.
   * @param {ShownVerdictOptions} options @returns {{status: Face["verdict"] | "yours", reason: Reasoned}}
   */
  const shownVerdict = ({ face, match, outcome, rejected }) => {
    if (outcome?.kind === "ignored") return { status: "unknown", reason: { reason_code: "ignored" } };
    if (outcome) {
      const { performer_id, performer } = outcome;
      const person = { performer_id, name: sense.performerName(performer), confidence: 1 };
      return { status: "yours", reason: { reason_code: "named", reason_people: [person] } };
    }
    if (match && match.performer_id !== face.performer_id)
      return { status: "yours", reason: { reason_code: "chosen", reason_people: [match] } };
    if (rejected && !match) return { status: "unknown", reason: { reason_code: "rejected", reason_people: [rejected] } };
    return { status: face.verdict, reason: face };
  };

  /** The matches of a face. They include the person of its verdict, even where only a decision names them. */
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
      h(sense.CroppedFace, { picture, box: face.box, faceId: face.face_id, alt: label }),
      h("figcaption", null, t("seen")),
    );

  /** @param {{src: string | null, name: string, external?: ExternalLink}} props */
  const Known = ({ src, name, external = null }) =>
    h("figure", null, h(sense.Portrait, { key: src, src, name, external }), h("figcaption", null, t("known")));

  /** @param {CandidateProps} props */
  const Candidate = ({ match, face, picture, label, image, people, reject }) => {
    const reference = sense.useLoaded(() => sense.referenceImage(match), [match.reference_id]);
    const performers = people.performers.get(match.performer_id);
    const tagging = sense.useTagging({
      person: match,
      performers,
      isTagged: (whom) => image.tagged.has(whom.id),
      learn: people.learn,
      write: async (whom, note) => {
        const entry = await sense.tagPerformer("image", [image.id], whom.id);
        if (entry) note(entry);
        confirmFace(face, match, entry);
      },
    });
    const no = sense.useAction(() => reject(match));
    const { performer } = tagging;
    const known = reference.value || sense.performerPortrait(performer || performers?.[0]) || sense.libraryPicture(match);
    return h(
      "div",
      { className: "sense-candidate" },
      h(
        "div",
        { className: "sense-pair" },
        h(Seen, { picture, face, label }),
        reference.loading
          ? h("figure", null, h("div", { className: "sense-portrait sense-none" }), h("figcaption", null, t("known")))
          : h(Known, {
              src: known,
              name: sense.libraryName(match, performers, performer),
              external: known ? null : sense.externalLink(match.image_url),
            }),
      ),
      h(
        "div",
        { className: "sense-who" },
        h(
          sense.PersonFacts,
          { person: match, performers, chosen: performer },
          h(sense.Confidence, { value: match.confidence }),
        ),
        h(
          "div",
          { className: "sense-actions" },
          h(sense.TagButton, { tagging, performers, label: t("addImage"), person: match }),
          h(
            Button,
            { variant: "link", size: "sm", disabled: no.step === "busy", onClick: no.start },
            no.step === "failed" ? t("failedRetry") : t("notThem"),
          ),
        ),
        no.error && h(sense.ErrorLine, { error: no.error }),
      ),
    );
  };

  /**
   * Tagging a person from a face confirms the face, until the journal entry is undone. The tag does not depend on it.
   * @param {Face} face @param {Match} match @param {JournalEntry | null} entry
   */
  const confirmFace = (face, match, entry) => {
    const { performer_id, name } = match;
    const request = { face_id: face.face_id, performer_id, name: sense.shortened(name, 1000), word: "confirmed" };
    sense
      .callSidecar("decide", { ...request, entry_id: entry?.entry_id })
      .catch((error) => sense.report("the decision could not be stored", error));
  };

  /** @param {{match: Match, people: People, restore: (match: Match) => Promise<void>}} props */
  const Rejected = ({ match, people, restore }) => {
    const name = sense.libraryName(match, people.performers.get(match.performer_id));
    const back = sense.useAction(() => restore(match));
    return h(
      "p",
      { className: "sense-rejected", role: "status" },
      h(sense.Text, null, t("notThemDone", { name })),
      h(
        Button,
        { variant: "link", size: "sm", disabled: back.step === "busy", onClick: back.start },
        back.step === "failed" ? t("failedRetry") : t("undo"),
      ),
    );
  };

  sense.OtherMatches = ({ matches, people, pick }) =>
    h(
      "details",
      { className: "sense-others" },
      h("summary", null, t("others", { n: matches.length })),
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
              h(sense.Text, null, t("choose", { name: sense.libraryName(match, people.performers.get(match.performer_id)) })),
            ),
            h(sense.Confidence, { value: match.confidence }),
          ),
        ),
      ),
    );
});
