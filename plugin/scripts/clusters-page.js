/** The page of the unknown people of the whole library, those on most pictures first: to name, merge, split or hide. */
window.StashSense.part("clusters-page", (sense, api) => {
  const { h, t } = sense;
  const { Button, Form } = api.libraries.Bootstrap;
  const IN_A_BLOCK = 6;
  const BLOCK_HEIGHT = 700; // about what one takes
  const FIRST = 2; // blocks that show at once

  sense.ClustersPage = () => {
    const { useMemo, useRef, useState } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const [hidden, setHidden] = useState(false);
    const [changed, setChanged] = useState(/** @type {Map<number, Cluster>} */ (new Map())); // as they are since they were listed
    const [fresh, setFresh] = useState(/** @type {Map<number, number[]>} */ (new Map())); // what was split off from each
    const [selected, setSelected] = useState(/** @type {number[]} */ ([]));
    const actions = sense.useLibraryActions();
    const query = hidden ? { hidden: "true" } : {};
    const list = sense.usePages((cursor) => sense.callSidecar("clusters", { ...query, ...(cursor ? { cursor } : {}) }), String(hidden));
    const clusters = useMemo(() => once(list.pages, changed, fresh), [list.pages, changed, fresh]);
    const people = sense.usePeople(useMemo(() => clusters.flatMap((each) => each.nearest), [clusters]));
    const [first] = list.pages;
    const forget = () => {
      actions.forget();
      setChanged(new Map());
      setFresh(new Map());
      setSelected([]);
    };
    const reload = () => {
      forget();
      list.reload();
    };
    /** Reads clusters again after they have changed. @param {number[]} ids */
    const reread = async (ids) => {
      const answers = await Promise.all(ids.map((cluster_id) => sense.callSidecar("cluster", { cluster_id })));
      setChanged((before) => new Map([...before, ...answers.map(({ cluster }) => /** @type {[number, Cluster]} */ ([cluster.cluster_id, cluster]))]));
    };
    const select = (/** @type {number} */ id) =>
      setSelected((before) => (before.includes(id) ? before.filter((each) => each !== id) : [...before, id]));
    const free = selected.filter((id) => !isSettled(actions.states.get(id)));
    /** Into the largest of them. */
    const merge = () => {
      const [into, ...others] = clusters.map((each) => each.cluster_id).filter((id) => free.includes(id));
      if (into === undefined || !others.length) return;
      setSelected([]);
      actions.run(t("merging", { n: others.length + 1 }), `merge ${into} ${others}`, "merged", async (action) => {
        await sense.callSidecar("merge_clusters", { cluster_id: into, cluster_ids: others });
        others.forEach((id) => actions.states.set(id, "merged"));
        action.keys.push(...others);
        action.takeBack = async () => {
          await sense.callSidecar("undo_cluster", { cluster_id: into });
          await reread([into, ...others]);
        };
        await reread([into]).catch((error) => sense.report("the merged one could not be read", error));
      });
    };
    /** @param {Cluster} cluster @param {string[]} faceIds */
    const split = ({ cluster_id }, faceIds) =>
      actions.run(t("splitting", { n: faceIds.length }), `split ${cluster_id} ${faceIds}`, "split", async (action) => {
        const other = /** @type {Cluster} */ (await sense.callSidecar("split_cluster", { cluster_id, face_ids: faceIds }));
        setChanged((before) => new Map([...before, [other.cluster_id, other]]));
        setFresh((before) => new Map([...before, [cluster_id, [...(before.get(cluster_id) || []), other.cluster_id]]]));
        action.takeBack = async () => {
          await sense.callSidecar("undo_cluster", { cluster_id });
          setFresh((before) => new Map([...before, [cluster_id, (before.get(cluster_id) || []).filter((id) => id !== other.cluster_id)]]));
          await reread([cluster_id]);
        };
        await reread([cluster_id]).catch((error) => sense.report("the one that was split could not be read", error));
      });
    sense.useListKeys(place, { u: actions.undo });
    const blocks = Array.from({ length: Math.ceil(clusters.length / IN_A_BLOCK) }, (_, at) => clusters.slice(at * IN_A_BLOCK, (at + 1) * IN_A_BLOCK));
    return h(
      sense.LibraryPage,
      { title: t("pageUnknown"), place, reload },
      h(
        "div",
        { className: "sense-actions sense-above" },
        h(Form.Check, {
          type: "switch",
          id: "sense-hidden-clusters",
          label: t("showHidden"),
          checked: hidden,
          onChange: (/** @type {{target: HTMLInputElement}} */ event) => {
            forget();
            setHidden(event.target.checked);
          },
        }),
        first && h("strong", null, t("unknownPeople", { n: first.total })),
        free.length > 1 && h(Button, { variant: "primary", size: "sm", onClick: merge }, t("mergeSelected", { n: free.length })),
        h("small", { className: "text-muted" }, t("clusterKeys")),
      ),
      people.error && h(sense.Problem, { error: people.error, retry: people.retry }),
      first && !clusters.length && !list.next && h("p", { className: "text-muted" }, t("noUnknown")),
      blocks.map((some, index) =>
        h(sense.Block, {
          key: index,
          height: BLOCK_HEIGHT,
          first: index < FIRST,
          render: () =>
            h(
              "ul",
              { className: "sense-clusters" },
              some.map((cluster) =>
                h(sense.ClusterCard, {
                  key: cluster.cluster_id,
                  cluster,
                  actions,
                  people,
                  selected: selected.includes(cluster.cluster_id),
                  select,
                  split,
                  reread,
                  settled: isSettled(actions.states.get(cluster.cluster_id)),
                }),
              ),
            ),
        }),
      ),
      h(sense.EndOfList, { list }),
      h(sense.ActionBar, { actions }),
    );
  };

  /** Whether a cluster was named, merged or hidden here. @param {ItemState | undefined} state */
  const isSettled = (state) => !!state && state !== "failed";

  /**
   * Each once, as it is now, and after it those that were split off from it. Pages may overlap where a cluster has moved.
   * @param {ClustersPage[]} pages @param {Map<number, Cluster>} changed @param {Map<number, number[]>} fresh
   */
  function once(pages, changed, fresh) {
    /** @type {Map<number, Cluster>} */
    const clusters = new Map();
    const put = (/** @type {Cluster} */ cluster) => {
      clusters.set(cluster.cluster_id, cluster);
      for (const id of fresh.get(cluster.cluster_id) || []) {
        const other = changed.get(id);
        if (other && !clusters.has(id)) put(other);
      }
    };
    for (const each of pages.flatMap((page) => page.clusters)) {
      if (!clusters.has(each.cluster_id)) put(changed.get(each.cluster_id) || each);
    }
    return [...clusters.values()];
  }
});
