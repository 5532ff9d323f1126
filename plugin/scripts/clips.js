/** Clips among the images: Stash shows a video as an image. They are looked at as scenes, where Stash has one of them. */
window.StashSense.part("clips", (sense, api) => {
  const { h, t } = sense;
  const { Link } = api.libraries.ReactRouterDOM;

  /** What to do with a clip: the scene that Stash has of the same file, or how it gets one. */
  sense.ClipNote = ({ imageId }) => {
    const loaded = sense.useLoaded(() => sense.scenesOfClips([imageId]), [imageId]);
    const sceneId = loaded.value?.get(imageId)?.sceneId;
    return h(
      "div",
      { className: "sense-empty" },
      h("h6", null, t("clip")),
      loaded.loading
        ? h(sense.Busy, null, t("loading"))
        : sceneId
          ? h("p", null, h(SceneLink, { sceneId }))
          : h("p", null, t("clipHow")),
      loaded.error && h(sense.Problem, { error: loaded.error, retry: loaded.retry }),
    );
  };

  /** The same for the clips among the skipped images of a gallery, each with its scene. */
  sense.SkippedClips = ({ imageIds }) => {
    const loaded = sense.useLoaded(() => sense.scenesOfClips(imageIds), [imageIds.join()]);
    const clips = [...(loaded.value || [])].filter(([, { clip }]) => clip);
    if (loaded.error) return h(sense.Problem, { error: loaded.error, retry: loaded.retry });
    if (!clips.length) return null;
    const scenes = clips.filter(([, { sceneId }]) => sceneId);
    return h(
      "div",
      { className: "sense-clips" },
      h("p", null, t("clipsSkipped", { n: clips.length })),
      scenes.length > 0 &&
        h(
          "ul",
          null,
          scenes.map(([imageId, { sceneId }]) => h("li", { key: imageId }, h(SceneLink, { sceneId: sceneId || "" }))),
        ),
      scenes.length < clips.length && h("p", { className: "text-muted" }, t("clipHow")),
    );
  };

  /** @param {{sceneId: string}} props */
  const SceneLink = ({ sceneId }) => h(Link, { to: `/scenes/${encodeURIComponent(sceneId)}` }, t("openScene", { id: sceneId }));
});
