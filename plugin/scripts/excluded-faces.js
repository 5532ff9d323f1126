/** Faces that the user takes out of their group, and how to put them back. */
window.StashSense.part("excluded-faces", (sense, api) => {
  /**
   * resultId: the result that the groups come from. A later result takes the decisions into account.
   * @param {string} resultId @param {() => void} changed
   */
  sense.useExcludedFaces = (resultId, changed) => {
    const { useRef, useState } = api.React;
    const [excluded, setExcluded] = useState(/** @type {Map<string, ExcludedFace>} */ (new Map()));
    const [outdated, setOutdated] = useState(/** @type {{of: string, faceIds: string[]}} */ ({ of: "", faceIds: [] }));
    const decisions = useRef(/** @type {Map<string, Map<string, number>>} */ (new Map())); // decision ids by face and kind

    /** A face that is excluded and restored between two results changes nothing. @param {string} faceId */
    const toggle = (faceId) => {
      setOutdated(({ of, faceIds }) => {
        const before = of === resultId ? faceIds : [];
        const rest = before.filter((each) => each !== faceId);
        return { of: resultId, faceIds: rest.length < before.length ? rest : [...rest, faceId] };
      });
      changed();
    };

    /** @param {string} faceId @param {Named | null} person whose face it is not */
    const exclude = async (faceId, person) => {
      const made = decisions.current.get(faceId) || new Map();
      decisions.current.set(faceId, made); // a second try continues where the first one failed
      if (person && !made.has("rejected")) {
        const { performer_id, name } = person;
        made.set("rejected", await decide({ face_id: faceId, word: "rejected", performer_id, name: sense.shortened(name, 1000) }));
      }
      if (!made.has("apart")) made.set("apart", await decide({ face_id: faceId, word: "apart" }));
      setExcluded((before) => new Map([...before, [faceId, { faceId, name: person?.name ?? null, resultId }]]));
      toggle(faceId);
    };

    /** @param {string} faceId */
    const restore = async (faceId) => {
      const decision_ids = [...(decisions.current.get(faceId)?.values() || [])];
      if (decision_ids.length) await sense.callSidecar("undecide_all", { decision_ids });
      decisions.current.delete(faceId);
      setExcluded((before) => new Map([...before].filter(([each]) => each !== faceId)));
      toggle(faceId);
    };

    return {
      exclude,
      restore,
      isExcluded: (faceId) => excluded.get(faceId)?.resultId === resultId,
      earlier: [...excluded.values()].filter((each) => each.resultId !== resultId),
      outdated: outdated.of === resultId && outdated.faceIds.length > 0,
    };
  };

  /** @param {Record<string, unknown>} decision @returns {Promise<number>} */
  const decide = async (decision) => (await sense.callSidecar("decide", decision)).decision_id;
});
