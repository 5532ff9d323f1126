/** Who somebody is in this library, and where else they are known. */
window.StashSense.part("people", (sense, api) => {
  const DIGITS = /^\d{1,15}$/;
  const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

  /** For each performer key the local performers it may mean: none, one or several. */
  sense.resolve = async (people) => {
    const boxes = await sense.boxes();
    const locals = [...new Set(people.map(localId).filter((id) => id && DIGITS.test(id)))];
    const known = people.flatMap((person) =>
      stashIds(person, boxes)
        .filter((each) => boxes.includes(each.endpoint))
        .map(({ endpoint, stash_id }) => ({ key: person.performer_id, endpoint, stash_id })),
    );
    const asked = known.map(({ endpoint, stash_id }) => ({ endpoint, stash_id }));
    const [byId, byStashId] = await Promise.all([sense.performers(locals), sense.performersByStashId(asked)]);
    /** @type {Map<string, Performer[]>} */
    const found = new Map();
    for (const person of people) {
      const all = byId.filter((each) => each.id === localId(person));
      known.forEach((one, index) => {
        if (one.key === person.performer_id) all.push(...(byStashId[index] || []));
      });
      const unique = [...new Map(all.map((each) => [each.id, each])).values()];
      found.set(person.performer_id, unique);
    }
    return found;
  };

  /**
   * Of whom a decision named nothing else is known than the key: it says who they are here.
   * @param {Person} person
   */
  const localId = (person) => person.local_id || /^local:(\d+)$/.exec(person.performer_id)?.[1] || null;

  /** @param {Person} person @param {string[]} boxes @returns {StashId[]} */
  function stashIds(person, boxes) {
    if (person.stash_ids?.length) return person.stash_ids;
    const [, host, stash_id] = /^([^:]+):(.+)$/.exec(person.performer_id) || [];
    return stash_id ? boxes.filter((each) => hostOf(each) === host).map((endpoint) => ({ endpoint, stash_id })) : [];
  }

  /**
   * The key of a performer of this library, as the sidecar makes it: of the first of their stash ids by Stash's own
   * order of the stash-boxes, those of other boxes last, else of the id in Stash.
   */
  sense.performerKey = async (performer) => {
    const boxes = await sense.boxes();
    const ranked = performer.stash_ids.map(({ endpoint, stash_id }) => {
      const id = stash_id.trim();
      const at = boxes.indexOf(endpoint);
      return { at: at < 0 ? boxes.length : at, key: `${hostOf(endpoint)}:${UUID.test(id) ? id.toLowerCase() : id}` };
    });
    ranked.sort((one, other) => one.at - other.at || (one.key < other.key ? -1 : 1));
    return ranked[0]?.key ?? `local:${performer.id}`;
  };

  /** @param {string} endpoint */
  function hostOf(endpoint) {
    const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(endpoint)?.[1];
    if (authority === undefined) return (endpoint.split("/")[0] || "").toLowerCase();
    return authority.replace(/^.*@/, "").replace(/:\d*$/, "").replace(/^\[|\]$/g, "").toLowerCase();
  }

  /** Who each key means here while a dialogue shows: only people not seen before are resolved. */
  sense.useLocals = (people) => {
    const { useEffect, useRef, useState } = api.React;
    const [locals, setLocals] = useState(() => new Map());
    const [error, setError] = useState("");
    const asked = useRef(new Set());
    const fresh = people.filter((each) => !asked.current.has(each.performer_id));
    const keys = fresh.map((each) => each.performer_id).join("\n");
    useEffect(() => {
      if (!fresh.length) return;
      fresh.forEach((each) => asked.current.add(each.performer_id));
      sense.resolve(fresh).then(
        (found) => setLocals((before) => new Map([...before, ...found])),
        (problem) => setError(sense.words(problem)),
      );
    }, [keys]); // which says whether `fresh` means somebody else
    /** @param {string} key @param {Performer} performer */
    const learn = (key, performer) => setLocals((before) => new Map([...before, [key, [performer]]]));
    return { locals, error, learn };
  };

  /** A person's page at a stash-box: only http(s), and only made of the id's own text. */
  sense.boxLink = (person) => {
    for (const each of person.stash_ids || []) {
      const place = web(each.endpoint);
      if (place) return { href: `${place.origin}/performers/${encodeURIComponent(each.stash_id)}`, host: place.host };
    }
    return null;
  };

  sense.outside = (address) => {
    const place = web(address || "");
    return place && place.origin !== window.location.origin ? { href: place.href, host: place.host } : null;
  };

  /** @param {string} address */
  function web(address) {
    try {
      const url = new URL(address);
      return (url.protocol === "https:" || url.protocol === "http:") && !url.username ? url : null;
    } catch {
      return null;
    }
  }

  /** Stash's own picture of a performer, not its placeholder; only from the page's own origin. */
  sense.portraitOf = (performer) => {
    if (!performer?.image_path) return null;
    try {
      const url = new URL(performer.image_path, window.location.href);
      if (url.searchParams.get("default") === "true") return null;
      const at = url.pathname.indexOf("/performer/");
      return at < 0 ? null : sense.base() + url.pathname.slice(at + 1) + url.search;
    } catch {
      return null;
    }
  };

  /** Makes the person a performer of this library: name, stash ids, and the stored reference as portrait. */
  sense.create = async (person) => {
    const [there, ...more] = (await sense.resolve([person])).get(person.performer_id) || [];
    if (more.length) throw new Error(sense.say("several"));
    if (there) return there; // made meanwhile, in another tab perhaps
    const boxes = new Set(await sense.boxes());
    const stash_ids = (person.stash_ids || []).filter((each) => boxes.has(each.endpoint));
    const image = await sense.reference(person.reference_id);
    /** @type {Record<string, unknown>} */
    const input = { name: person.name, stash_ids };
    if (image) input.image = image;
    return sense.createPerformer(input);
  };
});
