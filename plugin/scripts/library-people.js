/** Which performers of this library a recognised person is, and where else they are known. */
window.StashSense.part("library-people", (sense, api) => {
  const DIGITS = /^\d{1,15}$/;
  const OWN_HOSTS = /^(localhost|127(\.\d+){3}|\[::1\])$/;
  const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

  /**
   * For each performer key the performers of this library that have it: none, one or several. People whom no
   * stash-box knows are also found by their name, or by an alias where nobody has that name.
   */
  sense.findLocalPerformers = async (people) => {
    const boxes = await sense.stashBoxes();
    const localIds = [...new Set(people.map(localId).filter((id) => id && DIGITS.test(id)))];
    const known = people.flatMap((person) =>
      stashIds(person, boxes)
        .filter((each) => boxes.includes(each.endpoint))
        .map(({ endpoint, stash_id }) => ({ key: person.performer_id, endpoint, stash_id })),
    );
    const criteria = known.map(({ endpoint, stash_id }) => ({ endpoint, stash_id }));
    const [byId, byStashId] = await Promise.all([sense.performersById(localIds), sense.performersByStashId(criteria)]);
    /** @type {Map<string, Performer[]>} */
    const byKey = new Map();
    for (const person of people) {
      const all = byId.filter((each) => each.id === localId(person));
      known.forEach(({ key }, index) => {
        if (key === person.performer_id) all.push(...(byStashId[index] || []));
      });
      byKey.set(person.performer_id, unique(all));
    }
    const withIds = new Set(known.map(({ key }) => key));
    const byName = people.filter((each) => !byKey.get(each.performer_id)?.length && !withIds.has(each.performer_id));
    const called = await sense.performersCalled(byName.map((each) => each.name));
    byName.forEach((person, index) => {
      const all = unique(called[index] || []);
      const exact = all.filter((each) => sense.comparableName(each.name) === sense.comparableName(person.name));
      byKey.set(person.performer_id, exact.length ? exact : all);
    });
    return byKey;
  };

  /** @param {Performer[]} performers */
  const unique = (performers) => [...new Map(performers.map((each) => [each.id, each])).values()];

  /**
   * A person that only a decision names has no `local_id`: the key tells it.
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
    const boxes = await sense.stashBoxes();
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

  /**
   * The performers of this library that each person may be, by performer key; null where the look-up failed. Only
   * people not looked up yet are looked up. A failed look-up is tried again; after that, `retry` does it.
   */
  sense.usePeople = (people) => {
    const { useEffect, useRef, useState } = api.React;
    const [performers, setPerformers] = useState(/** @type {PerformersByKey} */ (new Map()));
    const [error, setError] = useState("");
    const [awayError, setAwayError] = useState("");
    const [attempt, setAttempt] = useState(0);
    const requested = useRef(new Set());
    const mounted = useRef(true);
    useEffect(
      () => () => {
        mounted.current = false;
      },
      [],
    );
    const missing = people.filter((person) => !requested.current.has(person.performer_id));
    const keys = missing.map((person) => person.performer_id);
    const add = (/** @type {PerformersByKey} */ found) => setPerformers((before) => new Map([...before, ...found]));
    const tellAway = (/** @type {unknown} */ problem) => isWanted() && setAwayError(sense.errorText(problem));
    const isWanted = () => mounted.current;
    useEffect(() => {
      if (!missing.length) return;
      keys.forEach((key) => requested.current.add(key));
      sense.tryAgain(() => sense.findLocalPerformers(missing), isWanted, tellAway).then(
        (found) => {
          if (!isWanted()) return;
          add(found);
          setAwayError("");
        },
        (problem) => {
          if (!isWanted()) return;
          add(new Map(keys.map((key) => [key, null])));
          setError(sense.errorText(problem));
        },
      );
    }, [keys.join("\n"), attempt]);
    /** @param {string} key @param {Performer | Performer[]} found */
    const learn = (key, found) => add(new Map([[key, [found].flat()]]));
    const failed = [...performers].filter(([, found]) => !found).map(([key]) => key);
    const retry = () => {
      failed.forEach((key) => requested.current.delete(key));
      setPerformers((before) => new Map([...before].filter(([, found]) => found)));
      setAttempt((before) => before + 1);
    };
    return { performers, error: failed.length ? error : awayError, retry, learn };
  };

  /** A person's page at a stash-box: only http(s), and only made of the id's own text. */
  sense.stashBoxLink = (person) => {
    for (const each of person.stash_ids || []) {
      const place = web(each.endpoint);
      if (place) return { href: `${place.origin}/performers/${encodeURIComponent(each.stash_id)}`, host: place.host };
    }
    return null;
  };

  sense.externalLink = (address) => {
    const place = web(address || "");
    return place && place.origin !== window.location.origin ? { href: place.href, host: place.host } : null;
  };

  /** @param {string} address @param {string} [base] */
  function web(address, base) {
    try {
      const url = new URL(address, base);
      return (url.protocol === "https:" || url.protocol === "http:") && !url.username ? url : null;
    } catch {
      return null;
    }
  }

  /** Stash's own picture of a performer, not its placeholder; only from the page's own origin. */
  sense.performerPortrait = (performer) => ownPicture(performer?.image_path)?.src ?? null;

  /**
   * The picture that Stash had of a person when the face database was built. Its address is whatever Stash was called
   * by then, `localhost:9999` say: it is loaded from the page's own origin. Another Stash's is a picture from outside.
   */
  sense.libraryPicture = (person) => {
    const own = ownPicture(person.image_url);
    if (!own) return null;
    const id = localId(person);
    return (id ? id === own.id : OWN_HOSTS.test(own.host) || own.host === window.location.hostname) ? own.src : null;
  };

  /** An address of a performer's picture, put below the page's own base path. @param {string | null | undefined} address */
  function ownPicture(address) {
    const url = address ? web(address, window.location.href) : null;
    const [, path = "", id = ""] = /\/(performer\/(\d+)\/image)$/.exec(url?.pathname || "") || [];
    if (!url || !path || url.searchParams.get("default") === "true") return null;
    return { id, host: url.hostname, src: sense.basePath() + path + url.search };
  }

  /** Their name in this library, where it is one performer's, with what tells them from namesakes; else the given one. */
  sense.libraryName = (person, performers, chosen) => {
    const performer = chosen || (performers?.length === 1 ? performers[0] : undefined);
    return performer ? sense.performerName(performer) : person.name;
  };

  sense.performerName = ({ name, disambiguation }) => name + (disambiguation ? ` (${disambiguation})` : "");

  /**
   * Creates a performer of this library from a match: name, stash ids, and the reference face as portrait. Where the
   * library has the name already, these performers are learned instead, and it throws.
   */
  sense.createFromMatch = async (person, learn) => {
    const [there, ...more] = (await sense.findLocalPerformers([person])).get(person.performer_id) || [];
    if (more.length) throw new Error(sense.t("several"));
    if (there) return there; // created meanwhile, perhaps in another tab
    const boxes = new Set(await sense.stashBoxes());
    const stash_ids = (person.stash_ids || []).filter((each) => boxes.has(each.endpoint));
    const image = await sense.referenceImage(person);
    /** @type {Record<string, unknown>} */
    const input = { name: person.name, stash_ids };
    if (image) input.image = image;
    if (await namesakes(person, learn)) throw new sense.NameTaken(person.name);
    return sense.createPerformer(input).catch(async (error) => {
      // Created in the meantime?
      if (await namesakes(person, learn).catch(() => false)) throw new sense.NameTaken(person.name);
      throw error;
    });
  };

  /** The library has a performer of this name, who can be taken instead. */
  sense.NameTaken = class extends Error {
    /** @param {string} name */
    constructor(name) {
      super(sense.t("nameOffered", { name: sense.shortened(name, 100) }));
    }
  };

  /** Learns the performers whose name Stash would refuse for another one. @param {Person} person @param {People["learn"]} learn */
  async function namesakes(person, learn) {
    const [called] = await sense.performersCalled([person.name]);
    const name = sense.comparableName(person.name);
    const same = (called || []).filter((each) => sense.comparableName(each.name) === name);
    if (!same.some((each) => !each.disambiguation)) return false;
    learn(person.performer_id, same);
    return true;
  }
});
