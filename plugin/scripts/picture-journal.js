/**
 * Replaces a performer's picture and puts the former one back. The sidecar keeps both with an entry of its journal before
 * anything is written, so that this can be undone after a reload, and in another tab.
 */
window.StashSense.part("picture-journal", (sense) => {
  const { t } = sense;
  const UPDATE = "mutation StashSensePicture($input: PerformerUpdateInput!) { performerUpdate(input: $input) { id } }";

  /** Stash has another picture by now than the one that was written. */
  sense.PictureChanged = class extends Error {
    constructor() {
      super(t("pictureChanged"));
    }
  };

  sense.replacePicture = async (id, after) => {
    const before = await currentPicture(id); // first: nothing is replaced that could not be put back
    const begun = /** @type {JournalEntry} */ (await sense.callSidecar("begin_picture", { local_id: id, before, after }));
    /** @type {unknown} */
    let failure = null;
    await write(id, after).catch((error) => {
      failure = error;
    });
    // After a failure only the answer may be lost; Stash tells what it has.
    const written = !failure || (await currentPicture(id).catch(() => null)) === after;
    const outcome = written ? { status: "done", added_ids: [id] } : { status: "failed", added_ids: [] };
    const ended = sense.callSidecar("journal_end", { entry_id: begun.entry_id, ...outcome });
    if (!written) {
      await ended.catch((error) => sense.report("a failure could not be recorded", error));
      throw failure;
    }
    return ended.catch((error) => {
      sense.report("a picture's end could not be recorded", error);
      return begun; // it stays open, and undo settles it
    });
  };

  sense.isPictureOf = async (entry) => {
    const { after } = await readPictures(entry);
    return (await currentPicture(entry.local_id)) === after;
  };

  sense.putPictureBack = async (entry) => {
    const { before, after } = await readPictures(entry);
    if ((await currentPicture(entry.local_id)) !== after) throw new sense.PictureChanged();
    await write(entry.local_id, before);
  };

  /** @param {JournalEntry} entry @returns {Promise<{before: string | null, after: string}>} */
  const readPictures = (entry) => sense.callSidecar("former_picture", { entry_id: entry.entry_id });

  /** @param {string} id @param {string | null} image */
  const write = (id, image) => sense.queryStash(UPDATE, { input: { id, image } });

  /** The performer's picture as a data: URL; null for Stash's placeholder. @param {string} id @returns {Promise<string | null>} */
  async function currentPicture(id) {
    const [performer] = await sense.performersById([id]);
    if (!performer) throw new Error(t("gone_performer"));
    const src = sense.performerPortrait(performer);
    if (!src) return null;
    const response = await fetch(src, { cache: "no-store" });
    const picture = await response.blob();
    if (!response.ok || !picture.type.startsWith("image/")) throw new Error(t("pictureUnread"));
    return new Promise((done, fail) => {
      const reader = new FileReader();
      reader.onload = () => done(String(reader.result));
      reader.onerror = () => fail(new Error(t("pictureUnread")));
      reader.readAsDataURL(picture);
    });
  }
});
