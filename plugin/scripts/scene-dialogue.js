/** The dialogue of a scene: the people in it, in how many frames, and tagging. */
window.StashSense.part("scene-dialogue", (sense, api) => {
  const { h, t } = sense;

  sense.SceneDialogue = ({ id, hide }) => {
    const scene = sense.useLoaded(() => sense.getScene(id), [id]);
    const answer = sense.useLoaded(() => sense.callSidecar("identify_scene", { scene_id: id }), [id]);
    const retry = () => {
      scene.retry();
      answer.retry();
    };
    return h(
      sense.Dialogue,
      { title: t("title"), hide },
      scene.loading || answer.loading
        ? h(sense.Busy, null, t("lookingScene"))
        : !scene.value || !answer.value
          ? h(sense.FailedCall, { error: scene.error || answer.error || t("gone_scene", { id }), retry })
          : h(Results, { scene: scene.value, persons: answer.value.persons }),
    );
  };

  /** @param {{scene: StashScene, persons: ScenePerson[]}} props */
  const Results = ({ scene, persons }) => {
    const { useMemo } = api.React;
    const everyone = useMemo(() => persons.flatMap(matchesOf), [persons]);
    const people = sense.usePeople(everyone);
    const tagged = useMemo(() => new Set(scene.performers.map((each) => each.id)), [scene]);
    if (!persons.length) return h("div", { className: "sense-empty" }, h("h6", null, t("nobody")));
    return h(
      "div",
      null,
      h("h6", { role: "status" }, t("foundPersons", { n: persons.length })),
      people.error && h(sense.Problem, { error: people.error, retry: people.retry }),
      h(
        "ul",
        { className: "sense-people" },
        persons.map((person, index) => h(PersonRow, { key: index, person, scene: { id: scene.id, tagged }, people })),
      ),
    );
  };

  /** The best one first, each once. @param {ScenePerson} person */
  const matchesOf = ({ best_match: best, all_matches: all }) => [
    ...new Map([...(best ? [best] : []), ...all].map((each) => [each.performer_id, each])).values(),
  ];

  /** @param {{key: number, person: ScenePerson, scene: SceneTarget, people: People}} props */
  const PersonRow = ({ person, scene, people }) => {
    const { useState } = api.React;
    const [picked, setPicked] = useState(/** @type {string | null} */ (null));
    const matches = matchesOf(person);
    const match = matches.find((each) => each.performer_id === picked) || matches[0];
    const others = matches.filter((each) => each !== match);
    const frames = h("span", null, t("inFrames", { n: person.frame_count }));
    return h(
      "li",
      { className: "sense-person", "aria-label": match?.name.slice(0, 300) },
      match
        ? h(Candidate, { key: match.performer_id, match, frames, scene, people, others, pick: setPicked })
        : h("div", { className: "sense-who" }, h("h6", null, t("noMatch")), frames),
    );
  };

  /** @param {SceneCandidateProps} props */
  const Candidate = ({ match, frames, scene, people, others, pick }) => {
    const performers = people.performers.get(match.performer_id);
    const tagging = sense.useTagging({
      person: match,
      performers,
      isTagged: (whom) => scene.tagged.has(whom.id),
      learn: people.learn,
      write: async (whom, note) => {
        const entry = await sense.tagPerformer("scene", [scene.id], whom.id);
        if (entry) note(entry);
      },
    });
    return h(
      api.React.Fragment,
      null,
      h(sense.KnownPortrait, { person: match, performers, performer: tagging.performer }),
      h(
        "div",
        { className: "sense-who" },
        h(sense.PersonFacts, { person: match, performers, chosen: tagging.performer }, frames, h(sense.Confidence, { value: match.confidence })),
        others.length > 0 && h(sense.OtherMatches, { matches: others, people, pick }),
      ),
      h(
        "div",
        { className: "sense-do" },
        h(sense.TagButton, { tagging, performers, label: t("addScene"), person: match }),
      ),
    );
  };
});
