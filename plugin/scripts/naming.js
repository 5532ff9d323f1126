/** Saying who faces are, or that they are to be ignored: tags, decisions, and taking both back. */
window.StashSense.part("naming", (sense, api) => {
  const { say } = sense;
  const AT_MOST = 10_000; // faces in one call

  /**
   * What was said of some faces in one image or gallery, and how it went.
   * @param {NamingOptions} options
   */
  sense.useNaming = ({ type, id, faceIds, imageIds, tagged, changed }) => {
    const { useRef, useState } = api.React;
    const wanted = useRef(/** @type {NamedAs | "ignored" | null} */ (null));
    const [outcome, setOutcome] = useState(/** @type {NamingOutcome | null} */ (null));
    const [entries, setEntries] = useState(/** @type {JournalEntry[]} */ ([]));
    const [loose, setLoose] = useState(/** @type {number[]} */ ([])); // decisions that no journal entry takes back
    const [notes, setNotes] = useState(/** @type {string[]} */ ([]));

    const act = sense.useAction(async () => {
      undo.forget();
      setNotes([]);
      if (wanted.current === "ignored") {
        const { decision_ids, missing } = await decide(faceIds(), { word: "ignored" });
        setLoose(decision_ids);
        setOutcome({ kind: "ignored" });
        tellMissing(missing);
        changed?.();
      } else if (wanted.current) await name(wanted.current);
    });

    /** @param {NamedAs} as */
    const name = async ({ find, key }) => {
      const performer = await find();
      wanted.current = { find: async () => performer, key }; // made once, however often the rest is tried
      const performer_id = key ?? (await sense.performerKey(performer));
      const images = imageIds ? imageIds() : [];
      let written = entries.filter((each) => each.local_id === performer.id);
      const write = async (/** @type {TargetType} */ target, /** @type {string[]} */ ids) => {
        const entry = await sense.tag(target, ids, performer.id);
        if (!entry) return;
        written = [...written, entry];
        setEntries((before) => [...before, entry]);
        if (target === type) tagged?.(performer.id, true);
        if (entry.unnoted) addNote(say("noJournal", { why: entry.unnoted }));
      };
      await write(type, [id]);
      if (images.length) await write("image", images);
      // The page's own target first: undoing that is undoing what was said.
      const entry = [...written].reverse().find((each) => each.target_type === type) || written[written.length - 1];
      const words = { word: "confirmed", performer_id, name: performer.name.slice(0, 1000), entry_id: entry?.entry_id };
      const { decision_ids, missing } = await decide(faceIds(), words).catch((error) => {
        throw entry ? new Error(say("notDecided", { why: sense.words(error) })) : error;
      });
      if (!entry) setLoose((before) => [...new Set([...before, ...decision_ids])]);
      tellMissing(missing);
      setOutcome({ kind: "named", performer, performer_id, images: images.length > 0 });
      changed?.();
    };

    const undo = sense.useAction(async () => {
      for (const entry of entries) {
        await sense.undo(entry);
        setEntries((before) => before.filter((each) => each !== entry));
        if (entry.target_type === type) tagged?.(entry.local_id, false);
      }
      if (loose.length) await sense.call("undecide_all", { decision_ids: loose });
      setLoose([]);
      setNotes([]);
      setOutcome(null);
      act.forget();
      changed?.();
    });

    const addNote = (/** @type {string} */ note) => setNotes((before) => [...before, note]);
    const tellMissing = (/** @type {string[]} */ missing) => {
      if (missing.length) addNote(say("facesGone", { n: missing.length }));
    };
    const start = (/** @type {NamedAs | "ignored"} */ what) => {
      if (act.step === "busy" || undo.step === "busy") return Promise.resolve(false);
      wanted.current = what;
      return act.start();
    };
    return {
      type,
      act,
      undo,
      outcome,
      notes,
      written: entries.length > 0 || loose.length > 0,
      name: (as) => start(as),
      ignore: () => start("ignored"),
      again: () => (wanted.current ? start(wanted.current) : Promise.resolve(false)),
    };
  };

  /**
   * The same word on all the faces.
   * @param {string[]} faceIds @param {Record<string, unknown>} words
   * @returns {Promise<{decision_ids: number[], missing: string[]}>}
   */
  async function decide(faceIds, words) {
    const all = { decision_ids: /** @type {number[]} */ ([]), missing: /** @type {string[]} */ ([]) };
    for (let start = 0; start < faceIds.length; start += AT_MOST) {
      const face_ids = faceIds.slice(start, start + AT_MOST);
      const { decision_ids, missing } = await sense.call("decide_faces", { face_ids, ...words });
      all.decision_ids.push(...decision_ids);
      all.missing.push(...missing);
    }
    return all;
  }
});
