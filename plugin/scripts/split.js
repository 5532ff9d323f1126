/** Faces taken out of their group: what was said of them, and taking it back. */
window.StashSense.part("split", (sense, api) => {
  /**
   * resultId: which result the groups are of; with another one, the groups have taken note of it.
   * @param {string} resultId @param {() => void} changed
   */
  sense.useSplit = (resultId, changed) => {
    const { useRef, useState } = api.React;
    const [taken, setTaken] = useState(/** @type {Map<string, TakenOut>} */ (new Map()));
    const [unsettled, setUnsettled] = useState(/** @type {{of: string, faceIds: string[]}} */ ({ of: "", faceIds: [] }));
    const said = useRef(/** @type {Map<string, Map<string, number>>} */ (new Map())); // decisions by face and word

    /** A face taken out and put back in between two results has changed nothing. @param {string} faceId */
    const toggle = (faceId) => {
      setUnsettled(({ of, faceIds }) => {
        const before = of === resultId ? faceIds : [];
        const rest = before.filter((each) => each !== faceId);
        return { of: resultId, faceIds: rest.length < before.length ? rest : [...rest, faceId] };
      });
      changed();
    };

    /** @param {string} faceId @param {Named | null} person whose face it is not */
    const takeOut = async (faceId, person) => {
      const words = said.current.get(faceId) || new Map();
      said.current.set(faceId, words); // what failed half-way goes on where it stood
      if (person && !words.has("rejected")) {
        const { performer_id, name } = person;
        words.set("rejected", await decide({ face_id: faceId, word: "rejected", performer_id, name: name.slice(0, 1000) }));
      }
      if (!words.has("apart")) words.set("apart", await decide({ face_id: faceId, word: "apart" }));
      setTaken((before) => new Map([...before, [faceId, { faceId, name: person?.name ?? null, resultId }]]));
      toggle(faceId);
    };

    /** @param {string} faceId */
    const takeBack = async (faceId) => {
      const decision_ids = [...(said.current.get(faceId)?.values() || [])];
      if (decision_ids.length) await sense.call("undecide_all", { decision_ids });
      said.current.delete(faceId);
      setTaken((before) => new Map([...before].filter(([each]) => each !== faceId)));
      toggle(faceId);
    };

    return {
      takeOut,
      takeBack,
      isOut: (faceId) => taken.get(faceId)?.resultId === resultId,
      earlier: [...taken.values()].filter((each) => each.resultId !== resultId),
      unsettled: unsettled.of === resultId && unsettled.faceIds.length > 0,
    };
  };

  /** @param {Record<string, unknown>} words @returns {Promise<number>} */
  const decide = async (words) => (await sense.call("decide", words)).decision_id;
});
