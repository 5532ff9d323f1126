/** Stash's scenes: their markers, and which of them shows a clip. In the user's own session. */
window.StashSense.part("stash-scenes", (sense) => {
  const OWN_TAG = "Stash Sense";
  const TAG = "query StashSenseTag($name: String!) { findTags(tag_filter: { name: { value: $name, modifier: EQUALS } }) { tags { id name } } }";
  const MARKERS = "scene_markers { id title seconds primary_tag { name } }";
  const FILE = "__typename ... on VideoFile { path duration format fingerprints { type value } }";

  sense.getScene = async (id) => {
    const query = `query StashSenseScene($id: ID!) { findScene(id: $id) {
      id title files { duration } performers { ${sense.PERFORMER_FIELDS} } ${MARKERS} } }`;
    return (await sense.queryStash(query, { id })).findScene;
  };

  sense.sceneTitles = async (ids) => {
    const scenes = await sense.aliased("SceneTitles", ids, "ID!", (at) => `findScene(id: ${at}) { title files { path } }`);
    return new Map(
      scenes.flatMap((scene, at) => {
        const title = scene?.title || (scene?.files[0]?.path || "").split(/[\\/]/).pop();
        return title ? [[ids[at] || "", title]] : [];
      }),
    );
  };

  /** Those markers of a scene that Stash Sense made for a name: they have its own tag. */
  sense.ownMarkers = (scene, name) =>
    scene.scene_markers.filter((each) => each.primary_tag.name === OWN_TAG && each.title === name.trim());

  /** A marker for each span, with the end from Stash 0.28 on; their ids. */
  sense.createMarkers = async (sceneId, name, spans) => {
    const [tagId, ends] = await Promise.all([ownTag(), hasMarkerEnds()]);
    const inputs = spans.map(([seconds, end_seconds]) => ({
      title: name,
      scene_id: sceneId,
      primary_tag_id: tagId,
      tag_ids: [],
      seconds,
      ...(ends ? { end_seconds } : {}),
    }));
    const made = await sense.aliased("Mark", inputs, "SceneMarkerCreateInput!", (at) => `sceneMarkerCreate(input: ${at}) { id }`, "mutation");
    return made.map((each) => each.id);
  };

  /** `sceneMarkersDestroy`, which takes them all at once, came with Stash 0.28. */
  sense.destroyMarkers = async (ids) => {
    await sense.aliased("Unmark", ids, "ID!", (at) => `sceneMarkerDestroy(id: ${at})`, "mutation");
  };

  /** The id of the tag that our markers have. It is created at the first marker. */
  async function ownTag() {
    const existing = await findTag();
    if (existing) return existing;
    const create = "mutation StashSenseCreateTag($input: TagCreateInput!) { tagCreate(input: $input) { id } }";
    try {
      return (await sense.queryStash(create, { input: { name: OWN_TAG } })).tagCreate.id;
    } catch (error) {
      const meanwhile = await findTag(); // created by another tab?
      if (!meanwhile) throw error;
      return meanwhile;
    }
  }

  /** @returns {Promise<string | undefined>} */
  async function findTag() {
    const { tags } = (await sense.queryStash(TAG, { name: OWN_TAG })).findTags;
    return tags.find((/** @type {{name: string}} */ each) => each.name === OWN_TAG)?.id;
  }

  /** Asked of the schema itself: builds from source have no version that tells. */
  async function hasMarkerEnds() {
    const query = `query StashSenseMarkerFields { __type(name: "SceneMarkerCreateInput") { inputFields { name } } }`;
    const fields = (await sense.queryStash(query)).__type?.inputFields || [];
    return fields.some((/** @type {{name: string}} */ each) => each.name === "end_seconds");
  }

  /** @param {any} file a picture of one frame may be a video to Stash, but lasts no time; a GIF is looked at as a picture */
  const isMoving = (file) => file.__typename === "VideoFile" && file.duration > 0 && file.format !== "gif";

  sense.isClip = async (id) => {
    const query = `query StashSenseFiles($id: ID!) { findImage(id: $id) { visual_files { ${FILE} } } }`;
    const files = (await sense.queryStash(query, { id })).findImage?.visual_files || [];
    return files.length > 0 && files.every(isMoving);
  };

  sense.scenesOfClips = async (imageIds) => {
    const images = await sense.aliased("Clips", imageIds, "ID!", (at) => `findImage(id: ${at}) { visual_files { ${FILE} } }`);
    const files = images.map((image) => image?.visual_files.find(isMoving));
    const filters = files.map((file) => {
      const oshash = file?.fingerprints.find((/** @type {{type: string}} */ each) => each.type === "oshash")?.value;
      return oshash ? { oshash: { value: oshash, modifier: "EQUALS" } } : { path: { value: file?.path || " ", modifier: "EQUALS" } };
    });
    const body = "{ scenes { id } }";
    const scenes = await sense.aliased("ClipScenes", filters, "SceneFilterType", (at) => `findScenes(scene_filter: ${at}, filter: { per_page: 1, sort: "id" }) ${body}`);
    return new Map(imageIds.map((id, at) => [id, { clip: !!files[at], sceneId: (files[at] && scenes[at]?.scenes[0]?.id) || null }]));
  };
});
