/** Who somebody is in this library, and where else they are known. */
window.StashSense.part("people", (sense, api) => {
  const DIGITS = /^\d{1,15}$/;

  /** For each performer key the local performers it may mean: none, one or several. */
  sense.resolve = async (people) => {
    const boxes = new Set(await sense.boxes());
    const locals = [...new Set(people.map((each) => each.local_id).filter((id) => id && DIGITS.test(id)))];
    const known = people.flatMap((person) =>
      (person.stash_ids || [])
        .filter((each) => boxes.has(each.endpoint))
        .map(({ endpoint, stash_id }) => ({ key: person.performer_id, endpoint, stash_id })),
    );
    const asked = known.map(({ endpoint, stash_id }) => ({ endpoint, stash_id }));
    const [byId, byStashId] = await Promise.all([sense.performers(locals), sense.performersByStashId(asked)]);
    /** @type {Map<string, Performer[]>} */
    const found = new Map();
    for (const person of people) {
      const all = byId.filter((each) => each.id === person.local_id);
      known.forEach((one, index) => {
        if (one.key === person.performer_id) all.push(...(byStashId[index] || []));
      });
      const unique = [...new Map(all.map((each) => [each.id, each])).values()];
      found.set(person.performer_id, unique);
    }
    return found;
  };

  /** The same while a dialogue shows: resolved anew only for people not seen before. */
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
