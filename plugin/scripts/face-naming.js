/** Names or ignores faces: tags, decisions, and undoing both. */
window.StashSense.part("face-naming", (sense, api) => {
  const { t } = sense;
  const MOST_IN_ONE_CALL = 10_000; // faces in one call

  /**
   * Names the faces of one image or gallery, and keeps what came of it.
   * @param {NamingOptions} options
   */
  sense.useFaceNaming = ({ type, id, faceIds, imageIds, tagged, changed }) => {
    const { useRef, useState } = api.React;
    const request = useRef(/** @type {NamingChoice | "ignored" | null} */ (null));
    const [outcome, setOutcome] = useState(/** @type {NamingOutcome | null} */ (null));
    const [entries, setEntries] = useState(/** @type {JournalEntry[]} */ ([]));
    const [looseDecisions, setLooseDecisions] = useState(/** @type {number[]} */ ([])); // ids of decisions that no journal entry undoes
    const [notes, setNotes] = useState(/** @type {string[]} */ ([]));
    const [open, setOpen] = useState(/** @type {Naming["open"]} */ ("")); // the form that the user is filling in

    const act = sense.useAction(async () => {
      undo.reset();
      setNotes([]);
      if (request.current === "ignored") {
        const { decision_ids, missing } = await decide(faceIds(), { word: "ignored" });
        setLooseDecisions(decision_ids);
        setOutcome({ kind: "ignored" });
        noteMissing(missing);
        changed?.();
      } else if (request.current) await name(request.current);
    });

    /** @param {NamingChoice} as */
    const name = async ({ find, key }) => {
      const performer = await find();
      request.current = { find: async () => performer, key }; // created once, however often the rest is retried
      const performer_id = key ?? (await sense.performerKey(performer));
      const images = imageIds ? imageIds() : [];
      let written = entries.filter((each) => each.local_id === performer.id);
      const write = async (/** @type {TargetType} */ target, /** @type {string[]} */ ids) => {
        const entry = await sense.tagPerformer(target, ids, performer.id);
        if (!entry) return;
        written = [...written, entry];
        setEntries((before) => [...before, entry]);
        if (target === type) tagged?.(performer.id, true);
        if (entry.unrecorded) addNote(t("noJournal", { why: entry.unrecorded }));
      };
      await write(type, [id]);
      if (images.length) await write("image", images);
      // The entry of the page's own target: undoing it undoes the decisions too.
      const entry = [...written].reverse().find((each) => each.target_type === type) || written[written.length - 1];
      const about = { performer_id, name: sense.shortened(performer.name, 1000), local_id: performer.id };
      const decision = { word: "confirmed", ...about, entry_id: entry?.entry_id };
      const { decision_ids, missing } = await decide(faceIds(), decision).catch((error) => {
        throw entry ? new Error(t("notDecided", { why: sense.errorText(error) })) : error;
      });
      if (!entry) setLooseDecisions((before) => [...new Set([...before, ...decision_ids])]);
      noteMissing(missing);
      setOutcome({ kind: "named", performer, performer_id, images: images.length > 0 });
      changed?.();
    };

    const undo = sense.useAction(async () => {
      for (const entry of entries) {
        await sense.undoEntry(entry);
        setEntries((before) => before.filter((each) => each !== entry));
        if (entry.target_type === type) tagged?.(entry.local_id, false);
      }
      if (looseDecisions.length) await sense.callSidecar("undecide_all", { decision_ids: looseDecisions });
      setLooseDecisions([]);
      setNotes([]);
      setOutcome(null);
      act.reset();
      changed?.();
    });

    const addNote = (/** @type {string} */ note) => setNotes((before) => [...before, note]);
    const noteMissing = (/** @type {string[]} */ missing) => {
      if (missing.length) addNote(t("facesGone", { n: missing.length }));
    };
    const start = (/** @type {NamingChoice | "ignored"} */ choice) => {
      if (act.step === "busy" || undo.step === "busy") return Promise.resolve(false);
      request.current = choice;
      return act.start();
    };
    return {
      type,
      act,
      undo,
      outcome,
      notes,
      open,
      setOpen,
      written: entries.length > 0 || looseDecisions.length > 0,
      name: (as) => start(as),
      ignore: () => start("ignored"),
      retry: () => (request.current ? start(request.current) : Promise.resolve(false)),
    };
  };

  /**
   * Stores the same decision on all faces.
   * @param {string[]} faceIds @param {Record<string, unknown>} decision
   * @returns {Promise<{decision_ids: number[], missing: string[]}>}
   */
  async function decide(faceIds, decision) {
    const all = { decision_ids: /** @type {number[]} */ ([]), missing: /** @type {string[]} */ ([]) };
    for (let start = 0; start < faceIds.length; start += MOST_IN_ONE_CALL) {
      const face_ids = faceIds.slice(start, start + MOST_IN_ONE_CALL);
      const { decision_ids, missing } = await sense.callSidecar("decide_faces", { face_ids, ...decision });
      all.decision_ids.push(...decision_ids);
      all.missing.push(...missing);
    }
    return all;
  }
});
