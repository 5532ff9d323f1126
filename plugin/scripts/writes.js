/**
 * Tagging and taking it back. Only ever adds, in one call for all targets; each write is noted before and
 * after in the sidecar's journal with what really was added, so that undoing takes back that and no more.
 */
window.StashSense.part("writes", (sense) => {
  /**
   * Adds a performer to those targets that lack them and are still there, in one call. Null where none does.
   * @param {TargetType} type @param {string[]} targets @param {string} performerId
   */
  sense.tag = async (type, targets, performerId) => {
    const look = async () => {
      const there = await sense.performersOn(type, targets);
      return targets.flatMap((id, at) => {
        const on = there[at];
        return on ? [{ id, has: on.includes(performerId) }] : [];
      });
    };
    const before = await look();
    if (!before.length) throw new Error(sense.say(`gone_${type}`, { id: targets[0] || "" }));
    const ids = before.filter((each) => !each.has).map((each) => each.id);
    if (!ids.length) return null;
    const begun = /** @type {JournalEntry} */ (
      await sense.call("journal_begin", { target_type: type, target_ids: ids, local_id: performerId })
    );
    /** @type {unknown} */
    let failure = null;
    await sense.change(type, ids, performerId, "ADD").catch((error) => {
      failure = error;
    });
    sense.refresh(type);
    // Of a failure only the answer may have been lost. What cannot be told stays open in the journal, where it
    // can be settled later.
    const now = await look().catch((error) => {
      if (failure) throw failure;
      sense.report("what was added could not be read", error);
      return ids.map((id) => ({ id, has: true }));
    });
    const having = new Set(now.filter((each) => each.has).map((each) => each.id));
    const added = ids.filter((id) => having.has(id));
    if (!added.length) {
      await end(begun, "failed", []).catch((error) => sense.report("a failure could not be noted", error));
      throw failure ? await whyNot(failure, performerId) : new Error(sense.say("notThere"));
    }
    try {
      return await end(begun, "done", added);
    } catch (error) {
      return { ...begun, unnoted: sense.words(error) }; // the tag is there: the entry stays open, and undo settles it
    }
  };

  /** Where the performer was deleted or merged meanwhile, Stash only has its database's own words. */
  async function whyNot(/** @type {unknown} */ failure, /** @type {string} */ performerId) {
    const gone = await sense.performers([performerId]).then(
      (found) => !found.length,
      () => false,
    );
    return gone ? new Error(sense.say("gone_performer")) : failure;
  }

  /** @param {JournalEntry} entry @param {"done" | "failed"} status @param {string[]} added @returns {Promise<JournalEntry>} */
  const end = (entry, status, added) =>
    sense.call("journal_end", { entry_id: entry.entry_id, status, added_ids: added });

  /** Takes back what the entry added, where it still is; the sidecar takes back what was said with it. */
  sense.undo = async (entry) => {
    let noted = await latest(entry);
    if (noted.status === "open") noted = await settle(noted);
    if (noted.status === "done" && noted.added_ids.length) {
      const having = await sense.withPerformer(noted.target_type, noted.local_id);
      const there = noted.added_ids.filter((id) => having.has(id));
      if (there.length) await sense.change(noted.target_type, there, noted.local_id, "REMOVE");
      sense.refresh(noted.target_type);
      noted = /** @type {JournalEntry} */ (await sense.call("undone", { entry_id: noted.entry_id }));
    }
    return noted;
  };

  /**
   * As it stands now: where another tab has undone it already, what is tagged again since is not its to take, nor
   * is what another entry added that has its number since the sidecar's state was restored or begun anew.
   */
  async function latest(/** @type {JournalEntry} */ entry) {
    const { entries } = await sense.call("journal", { before: entry.entry_id + 1, limit: 1 });
    const [found] = /** @type {JournalEntry[]} */ (entries);
    const same = /** @type {const} */ (["entry_id", "target_type", "local_id", "created_at"]);
    if (!found || same.some((field) => found[field] !== entry[field])) throw new Error(sense.say("notNoted"));
    return found;
  }

  /** An entry that a closed tab left open: its targets lacked the performer, so those that have them now gained them. */
  async function settle(/** @type {JournalEntry} */ entry) {
    const having = await sense.withPerformer(entry.target_type, entry.local_id);
    const added = entry.target_ids.filter((id) => having.has(id));
    return end(entry, added.length ? "done" : "failed", added);
  }

  /** A page of the journal, the newest first: entries older than `before`. */
  sense.journal = (before) => sense.call("journal", before ? { before } : {});
});
