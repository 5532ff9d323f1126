/** Calls to Stash itself, in the user's own session. */
window.StashSense.part("stash", (sense, api) => {
  const PERFORMER = "id name disambiguation gender image_path stash_ids { endpoint stash_id }";
  sense.PERFORMER_FIELDS = PERFORMER;
  /** @type {Record<TargetType, {bulk: string, input: string, find: string, refetch: string[]}>} */
  const KINDS = {
    image: {
      bulk: "bulkImageUpdate",
      input: "BulkImageUpdateInput",
      find: "findImage",
      refetch: ["FindImageDocument", "FindImagesDocument"],
    },
    gallery: {
      bulk: "bulkGalleryUpdate",
      input: "BulkGalleryUpdateInput",
      find: "findGallery",
      refetch: ["FindGalleryDocument"],
    },
    scene: {
      bulk: "bulkSceneUpdate",
      input: "BulkSceneUpdateInput",
      find: "findScene",
      refetch: ["FindSceneDocument"],
    },
  };
  const FOUND = { image: "findImages", gallery: "findGalleries", scene: "findScenes" };
  const LISTS = { image: "images", gallery: "galleries", scene: "scenes" };
  const NAMED = /^\s*(?:query|mutation) (\w+)/; // so that Stash's log names the query
  const AT_ONCE = 40; // lookups in one document
  const SEARCHED = 25; // performers that a search shows
  const GATEWAY_ERRORS = [502, 503, 504]; // of a proxy that cannot reach Stash

  /** @param {string} text */
  const away = (text) => Object.assign(new Error(text), { stashAway: true });

  /** Whether a call failed because Stash itself could not be reached: it may be back at any moment. */
  sense.isStashAway = (error) => error instanceof Error && "stashAway" in error;

  /** Throws with what Stash said. */
  sense.queryStash = async (query, variables = {}) => {
    const response = await fetch(`${sense.basePath()}graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables, operationName: NAMED.exec(query)?.[1] }),
    }).catch((error) => {
      throw away(sense.t("stashGone", { why: sense.errorText(error) }));
    });
    if (response.status === 401) throw new Error(sense.t("loggedOut"));
    const answer = await response.json().catch(() => null);
    if (!answer && GATEWAY_ERRORS.includes(response.status)) throw away(sense.t("stashGone", { why: response.status }));
    const first = answer?.errors?.[0]?.message;
    if (first || !answer?.data) throw new Error(first || sense.t("stashStatus", { status: response.status }));
    return answer.data;
  };

  sense.getImage = async (id) => {
    const query = `query StashSenseImage($id: ID!) { findImage(id: $id) {
      id title paths { image thumbnail } performers { ${PERFORMER} }
      visual_files { ... on ImageFile { width height } ... on VideoFile { width height } } } }`;
    return (await sense.queryStash(query, { id })).findImage;
  };

  sense.getGallery = async (id) => {
    const query = `query StashSenseGallery($id: ID!) { findGallery(id: $id) {
      id title image_count performers { ${PERFORMER} } } }`;
    return (await sense.queryStash(query, { id })).findGallery;
  };

  sense.galleryTitles = async (ids) => {
    const body = "title folder { path } files { path }";
    const galleries = await sense.aliased("Titles", ids, "ID!", (at) => `findGallery(id: ${at}) { ${body} }`);
    return new Map(
      galleries.flatMap((gallery, at) => {
        const path = gallery?.folder?.path || gallery?.files?.[0]?.path || "";
        const title = gallery?.title || path.split(/[\\/]/).filter(Boolean).pop();
        return title ? [[ids[at] || "", title]] : [];
      }),
    );
  };

  sense.thumbnail = (imageId) => `${sense.basePath()}image/${encodeURIComponent(imageId)}/thumbnail`;

  /** For each image, gallery or scene who is tagged on it; null where it is gone. */
  sense.performersOn = async (type, ids) => {
    const targets = await sense.aliased("On", ids, "ID!", (at) => `${KINDS[type].find}(id: ${at}) { performers { id } }`);
    return targets.map((target) => target && target.performers.map((/** @type {{id: string}} */ each) => each.id));
  };

  /** Of all images, galleries or scenes the ids of those with this performer. */
  sense.targetsWithPerformer = async (type, performerId) => {
    const filter = { performers: { value: [performerId], modifier: "INCLUDES" } };
    const input = { image: "ImageFilterType", gallery: "GalleryFilterType", scene: "SceneFilterType" }[type];
    const query = `query StashSenseWith($filter: ${input}) { found: ${FOUND[type]}(
      ${type}_filter: $filter, filter: { per_page: -1, sort: "id" }) { ${LISTS[type]} { id } } }`;
    const list = (await sense.queryStash(query, { filter })).found[LISTS[type]];
    return new Set(list.map((/** @type {{id: string}} */ each) => each.id));
  };

  sense.updatePerformers = async (type, ids, performerId, mode) => {
    const kind = KINDS[type];
    const query = `mutation StashSenseTag($input: ${kind.input}!) { ${kind.bulk}(input: $input) { id } }`;
    await sense.queryStash(query, { input: { ids, performer_ids: { ids: [performerId], mode } } });
  };

  sense.performersById = async (ids) => {
    const found = await sense.aliased("Performers", ids, "ID!", (at) => `findPerformer(id: ${at}) { ${PERFORMER} }`);
    return found.filter(Boolean);
  };

  /** For each stash id those local performers that have exactly it; endpoints must be ones that Stash lists. */
  sense.performersByStashId = async (stashIds) => {
    const criteria = stashIds.map((each) => ({ ...each, modifier: "EQUALS" }));
    const found = await sense.aliased(
      "ByStashIds",
      criteria,
      "StashIDCriterionInput",
      (at) =>
        `findPerformers(performer_filter: { stash_id_endpoint: ${at} }, filter: { per_page: -1 }) {
          performers { ${PERFORMER} } }`,
    );
    return found.map((each, index) => {
      const stashId = stashIds[index];
      // Stash compares with wildcards: check again.
      return each.performers.filter((/** @type {Performer} */ performer) =>
        performer.stash_ids.some((own) => own.endpoint === stashId?.endpoint && own.stash_id === stashId?.stash_id),
      );
    });
  };

  /** Performers whose name, or one of whose aliases, has all the words of a text; those who begin with it first. */
  sense.searchPerformers = async (text) => {
    const query = `query StashSenseSearch($filter: FindFilterType) {
      findPerformers(filter: $filter) { performers { ${PERFORMER} alias_list } } }`;
    // In quotes, so that a dash or an OR is part of the name.
    const words = text.split(/[\s"]+/).filter(Boolean).map((word) => `"${word}"`);
    if (!words.length) return [];
    const filter = { q: words.join(" "), per_page: SEARCHED, sort: "name", direction: "ASC" };
    const { performers } = (await sense.queryStash(query, { filter })).findPerformers;
    const start = text.trim().toLowerCase();
    const rank = (/** @type {Performer} */ each) => (each.name.toLowerCase().startsWith(start) ? 0 : 1);
    return performers.sort((/** @type {Performer} */ a, /** @type {Performer} */ b) => rank(a) - rank(b));
  };

  /** For each name the performers of exactly this name, whatever their disambiguation; then those with this alias. */
  sense.performersCalled = async (names) => {
    const found = await sense.aliased(
      "Called",
      names,
      "String!",
      (at) =>
        `findPerformers(performer_filter: { name: { value: ${at}, modifier: EQUALS },
          OR: { aliases: { value: ${at}, modifier: EQUALS } } }, filter: { per_page: -1, sort: "id" }) {
          performers { ${PERFORMER} alias_list } }`,
    );
    return found.map((each, index) => {
      const name = sense.comparableName(names[index] || "");
      // Stash compares with wildcards: check again.
      const called = (/** @type {Performer} */ performer) => sense.comparableName(performer.name) === name;
      const also = (/** @type {Performer} */ performer) =>
        !called(performer) && !!performer.alias_list?.some((alias) => sense.comparableName(alias) === name);
      return [...each.performers.filter(called), ...each.performers.filter(also)];
    });
  };

  /** Names that Stash takes for the same, and those that only look the same, are equal. */
  sense.comparableName = (name) => name.trim().normalize("NFC").toLowerCase();

  /** Many look-ups or changes in one document, each with its value in a variable. type: of the values. */
  sense.aliased = async (name, values, type, field, operation = "query") => {
    const all = [];
    for (let start = 0; start < values.length; start += AT_ONCE) {
      const some = values.slice(start, start + AT_ONCE);
      const given = some.map((_, index) => `$v${index}: ${type}`).join(", ");
      const body = some.map((_, index) => `a${index}: ${field(`$v${index}`)}`).join("\n");
      const variables = Object.fromEntries(some.map((value, index) => [`v${index}`, value]));
      const answer = await sense.queryStash(`${operation} StashSense${name}(${given}) { ${body} }`, variables);
      all.push(...some.map((_, index) => answer[`a${index}`]));
    }
    return all;
  };

  /** @type {Promise<string[]> | null} */
  let endpoints = null;
  sense.stashBoxes = () => {
    endpoints ??= sense
      .queryStash("query StashSenseBoxes { configuration { general { stashBoxes { endpoint } } } }")
      .then((data) => data.configuration.general.stashBoxes.map((/** @type {{endpoint: string}} */ box) => box.endpoint));
    endpoints.catch(() => {
      endpoints = null;
    });
    return endpoints;
  };

  sense.createPerformer = async (input) => {
    const query = `mutation StashSenseCreate($input: PerformerCreateInput!) {
      performerCreate(input: $input) { ${PERFORMER} } }`;
    return (await sense.queryStash(query, { input })).performerCreate;
  };

  sense.pluginSettings = async () => {
    const query = `query StashSenseSettings { configuration { plugins(include: ["stash-sense"]) } }`;
    return (await sense.queryStash(query)).configuration.plugins["stash-sense"] || {};
  };

  /** Stash's page shows what its own cache holds: have it query again. */
  sense.refreshPage = (type) => {
    try {
      const include = KINDS[type].refetch.map((name) => api.GQL?.[name]).filter(Boolean);
      Promise.resolve(api.utils.StashService.getClient().refetchQueries({ include })).catch((error) =>
        sense.report("the page could not be refreshed", error),
      );
    } catch (error) {
      sense.report("the page could not be refreshed", error);
    }
  };
});
