/** One person of a scene: best face, verdict, when they are on screen, and what can be done with it. */
window.StashSense.part("scene-person", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;

  sense.ScenePerson = (props) => {
    const { person, hidden, gone, register } = props;
    const { useState } = api.React;
    const [picked, setPicked] = useState(/** @type {string | null} */ (null));
    const matches = sense.sceneMatches(person);
    const match = matches.find((each) => each.performer_id === picked) || /** @type {Match} */ (matches[0]);
    return h(Candidate, {
      ...props,
      key: match.performer_id,
      match,
      others: matches.filter((each) => each !== match),
      pick: setPicked,
      register,
      hidden,
      gone,
    });
  };

  /** Whom a person may be, the one that the verdict names first. */
  sense.sceneMatches = ({ best_match: best, all_matches: all, ...person }) => {
    const listed = [...(best ? [best] : []), ...(all || [])];
    const first = listed.find((each) => each.performer_id === person.performer_id);
    const named = first || { ...person, confidence: person.confidence ?? 1, distance: 0, reference_id: person.reference_id ?? null };
    return [...new Map([named, ...listed].map((each) => [each.performer_id, each])).values()];
  };

  /** @param {SceneCandidateProps} props */
  const Candidate = (props) => {
    const { person, match, others, pick, scene, tagged, duration, people, hidden, gone, partial, play, register, changed } = props;
    const { useEffect } = api.React;
    const performers = people.performers.get(match.performer_id);
    const faceIds = sense.bestFaces(person).map((each) => each.face_id);
    const spans = sense.validSpans(person.spans, duration);
    const chosen = match.performer_id !== person.performer_id;
    const tagging = sense.useTagging({
      person: match,
      performers,
      isTagged: (whom) => tagged.has(whom.id),
      learn: people.learn,
      write: async (whom, note, batchId) => {
        const entry = await sense.tagPerformer("scene", [scene.id], whom.id, batchId);
        if (entry) note(entry);
        if (chosen) await confirm(faceIds, match, entry).then(changed);
      },
    });
    const rejecting = useRejection(match, faceIds, changed);
    useEffect(() => register(person.performer_id, { ...tagging, nobodyLeft: rejecting.rejected }));
    const name = sense.shortened(sense.libraryName(match, performers, tagging.performer), 300);
    const { performer } = tagging;
    const reason = chosen ? { reason_code: "chosen", reason_people: [match] } : person;
    return h(
      "li",
      { className: "sense-person sense-scene-person", "aria-label": name, hidden },
      h(
        "div",
        { className: "sense-pair" },
        h(sense.SceneFace, { person, name, play }),
        h("figure", null, h(sense.KnownPortrait, { person: match, performers, performer }), h("figcaption", null, t("known"))),
      ),
      h(
        "div",
        { className: "sense-who" },
        h(
          sense.PersonFacts,
          { person: match, performers, chosen: performer },
          gone
            ? h("span", { className: "text-muted" }, t("gone"))
            : h(
                api.React.Fragment,
                null,
                h(sense.VerdictBadge, { status: chosen ? "yours" : person.verdict }),
                h(sense.Confidence, { value: match.confidence }),
                h("span", null, sense.onScreenText(spans)),
                h("span", null, t("inFrames", { n: person.frame_count })),
              ),
        ),
        !gone && h(When, { person, reason, spans, duration, name, people, play }),
        others.length > 0 && !gone && !tagging.entries.length && h(sense.OtherMatches, { matches: others, people, pick }),
      ),
      h(
        "div",
        { className: "sense-do" },
        !rejecting.rejected &&
          h(sense.TagButton, { tagging, performers, label: t("addScene"), person: match, undoOnly: gone }),
        (!gone || rejecting.rejected) && h(Rejection, { rejecting, name }),
        performer &&
          !rejecting.rejected &&
          !partial &&
          spans.length > 0 &&
          h(sense.SceneMarkers, { key: `m${performer.id}`, scene, performer, spans }),
        performer &&
          !rejecting.rejected &&
          faceIds.length > 0 &&
          h(sense.PerformerPicture, {
            key: `p${performer.id}`,
            performer,
            faceIds,
            changed: (/** @type {Performer} */ now) => people.learn(match.performer_id, (performers || []).map((each) => (each.id === now.id ? now : each))),
          }),
      ),
    );
  };

  /** Why, when, and more of their faces. @param {WhenProps} props */
  const When = ({ person, reason, spans, duration, name, people, play }) =>
    h(
      api.React.Fragment,
      null,
      h("small", { className: "sense-reason" }, h(sense.Text, null, sense.reasonText(reason, people.performers))),
      h(sense.Timeline, { spans, duration, name: sense.shortened(name, 100), play }),
      h(sense.SceneFaces, { person, name, play }),
    );

  /** @param {string[]} face_ids @param {Match} match @param {JournalEntry | null} entry undoing it takes the decision back */
  const confirm = async (face_ids, match, entry) => {
    const { performer_id, name } = match;
    const decision = { face_ids, word: "confirmed", performer_id, name: sense.shortened(name, 1000), entry_id: entry?.entry_id };
    await sense.callSidecar("decide_faces", decision).catch((error) => {
      throw entry ? new Error(t("notDecided", { why: sense.errorText(error) })) : error;
    });
  };

  /** "Not this person", for all of the faces. @param {Match} match @param {string[]} face_ids @param {() => void} changed */
  const useRejection = (match, face_ids, changed) => {
    const { useState } = api.React;
    const [decision_ids, setDecisions] = useState(/** @type {number[] | null} */ (null));
    const act = sense.useAction(async () => {
      if (decision_ids) await sense.callSidecar("undecide_all", { decision_ids });
      const { performer_id, name, local_id } = match;
      const about = { performer_id, name: sense.shortened(name, 1000), ...(local_id ? { local_id } : {}) };
      const made = decision_ids ? null : (await sense.callSidecar("decide_faces", { face_ids, word: "rejected", ...about })).decision_ids;
      setDecisions(made);
      changed();
    });
    return { act, rejected: !!decision_ids };
  };

  /** @param {{rejecting: {act: Action, rejected: boolean}, name: string}} props */
  const Rejection = ({ rejecting: { act, rejected }, name }) =>
    h(
      "div",
      { className: "sense-rejected" },
      rejected && h("span", { role: "status" }, h(sense.Text, null, t("notThemDone", { name: sense.shortened(name, 200) }))),
      h(
        Button,
        { variant: "link", size: "sm", disabled: act.step === "busy", onClick: act.start },
        act.step === "failed" ? t("failedRetry") : rejected ? t("undo") : t("notThem"),
      ),
      act.error && h(sense.ErrorLine, { error: act.error }),
    );
});
