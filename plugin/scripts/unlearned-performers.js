/** The performers of whom the face database has no face, and why, on the plugin's page. */
window.StashSense.part("unlearned-performers", (sense, api) => {
  const { h, t } = sense;
  const { Button } = api.libraries.Bootstrap;
  const { Link } = api.libraries.ReactRouterDOM;

  sense.UnlearnedPerformers = () => {
    const { useState } = api.React;
    const loaded = sense.useLoaded(() => readPage(0), []);
    const [further, setFurther] = useState(/** @type {UnlearnedPage["performers"]} */ ([]));
    const [tried, setTried] = useState(/** @type {string[]} */ ([])); // of whom images were looked at on a click
    const retry = () => {
      setFurther([]);
      loaded.retry();
    };
    const build = sense.useDatabaseBuild(retry);
    const learn = (/** @type {string} */ id) => {
      setTried((before) => [...before, id]);
      build.start({ images: [id] });
    };
    /** @type {UnlearnedPage | null} */
    const page = loaded.value;
    const shown = [...(page?.performers || []), ...further];
    const total = page?.total || 0;
    const none = page?.total === null; // no face database: the section above says so
    const more = sense.useAction(async () => {
      const next = await readPage(shown.length);
      setFurther([...further, ...next.performers]);
    });
    if (none) return null;
    return h(
      sense.PageSection,
      { title: t("pageUnlearned"), loaded: { ...loaded, retry } },
      page?.total === 0 && h("p", { className: "text-muted" }, t("allLearned")),
      total > 0 &&
        h(
          api.React.Fragment,
          null,
          h("p", null, t("unlearned", { n: total })),
          h(
            Button,
            {
              variant: "secondary",
              size: "sm",
              title: t("learnFromImagesHint"),
              disabled: build.busy,
              onClick: () => build.start({ images: "unlearned" }),
            },
            t(build.busy ? "updatingDatabase" : "learnAllFromImages"),
          ),
          h("p", { className: "text-muted" }, t("learnFromImagesHint")),
        ),
      h(sense.DatabaseBuild, { build }),
      h(
        "ul",
        { className: "sense-list" },
        shown.map((each) =>
          h(
            "li",
            { key: each.local_id },
            h(Link, { to: `/performers/${encodeURIComponent(each.local_id)}` }, h(sense.Text, null, each.name)),
            h("small", { className: "text-muted" }, ` ${reasonText(each)} `),
            h(
              Button,
              {
                variant: "link",
                size: "sm",
                title: t("learnFromImagesHint"),
                "aria-label": t("learnThem", { name: sense.shortened(each.name, 100) }),
                disabled: build.busy,
                onClick: () => learn(each.local_id),
              },
              t("learnFromImages"),
            ),
            tried.includes(each.local_id) &&
              build.job?.status === "done" &&
              h("small", { role: "status" }, t("nothingToLearn")),
          ),
        ),
      ),
      shown.length < total &&
        h(
          Button,
          { variant: "secondary", size: "sm", disabled: more.step === "busy", onClick: more.start },
          t("more", { n: total - shown.length }),
        ),
      h(sense.ErrorLine, { error: more.error }),
    );
  };

  /** @param {number} offset @returns {Promise<UnlearnedPage>} */
  async function readPage(offset) {
    if (sense.hasNoDatabase(await sense.health())) return { performers: [], total: null };
    const { performers, total } = await sense.callSidecar("unlearned", { offset });
    const found = await sense.performersById(performers.map((/** @type {{local_id: string}} */ each) => each.local_id));
    const names = new Map(found.map((each) => [each.id, sense.performerName(each)]));
    return {
      performers: performers.map((/** @type {UnlearnedPage["performers"][number]} */ each) => ({
        ...each,
        name: names.get(each.local_id) || t("performerGone"),
      })),
      total,
    };
  }

  /** @param {{code: string, reason: string}} performer */
  function reasonText({ code, reason }) {
    const text = t(`unlearned_${code}`);
    return text === `unlearned_${code}` ? reason : text;
  }
});
