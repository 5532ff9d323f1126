/** Small pieces of every dialogue. Data goes in as text, never as markup. */
window.StashSense.part("views", (sense, api) => {
  const { h, say } = sense;
  const { Alert, Button, Spinner } = api.libraries.Bootstrap;
  const STEPS = /** @type {const} */ ([
    [0.6, "sure4"],
    [0.5, "sure3"],
    [0.4, "sure2"],
    [-1, "sure1"],
  ]);
  const LONGEST = 300;

  /** Text from outside: as one line of bearable length, its direction its own. */
  sense.Text = ({ children }) => {
    const text = String(children ?? "");
    const shown = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
    return h("bdi", { className: "sense-text", title: shown === text ? undefined : text.slice(0, 2000) }, shown);
  };

  sense.Confidence = ({ value }) => {
    const step = STEPS.find(([from]) => value >= from)?.[1] || "sure1";
    return h(
      "span",
      { className: `sense-sure sense-${step}` },
      say(step),
      " ",
      h("span", { className: "sense-sure-number" }, say("percent", { n: Math.round(value * 100) })),
    );
  };

  sense.Busy = ({ children }) =>
    h(
      "div",
      { className: "sense-busy", role: "status" },
      h(Spinner, { animation: "border", size: "sm", "aria-hidden": true }),
      h("span", null, children),
    );

  sense.Problem = ({ error, again, children }) =>
    h(
      Alert,
      { variant: "danger", className: "sense-problem" },
      h("p", null, h(sense.Text, null, error)),
      children,
      again && h(Button, { variant: "secondary", size: "sm", onClick: again }, say("retry")),
    );

  /** A picture of somebody: the library's own or a stored reference; from outside only after a click. */
  sense.Portrait = ({ src, name, outside }) => {
    const { useState } = api.React;
    const [asked, setAsked] = useState(false);
    const [broken, setBroken] = useState(false);
    const shown = asked && outside ? outside.href : src;
    if (shown && !broken)
      return h("img", {
        className: "sense-portrait",
        src: shown,
        alt: name.slice(0, LONGEST),
        loading: "lazy",
        referrerPolicy: "no-referrer",
        onError: () => setBroken(true),
      });
    return h(
      "div",
      { className: "sense-portrait sense-none" },
      h("span", null, say("noImage")),
      outside &&
        !asked &&
        h(
          Button,
          {
            variant: "link",
            size: "sm",
            title: say("showOutsideHint", { host: outside.host }),
            onClick: () => setAsked(true),
          },
          say("showOutside", { host: outside.host }),
        ),
    );
  };

  /** The library's own picture of somebody, else the reference that matched: fetched once it is to be seen. */
  sense.KnownPortrait = ({ person, performers, performer }) => {
    const { useEffect, useRef, useState } = api.React;
    const own = sense.portraitOf(performer || performers?.[0]);
    const wanted = performers && !own ? person.reference_id : null;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    const seen = sense.useInSight(place, !!wanted);
    const [reference, setReference] = useState(/** @type {string | null} */ (null));
    useEffect(() => {
      if (!wanted || !seen) return undefined;
      let current = true;
      sense.reference(wanted).then((found) => current && setReference(found));
      return () => {
        current = false;
      };
    }, [wanted, seen]);
    const src = own || reference;
    return h(
      "div",
      { ref: place, className: "sense-known" },
      h(sense.Portrait, { src, name: person.name, outside: src ? null : sense.outside(person.image_url) }),
    );
  };

  sense.BoxLink = ({ person }) => {
    const link = sense.boxLink(person);
    return (
      link &&
      h(
        "a",
        { href: link.href, target: "_blank", rel: "noopener noreferrer", className: "sense-box-link" },
        say("openBox", { host: link.host }),
      )
    );
  };

  /** Who somebody is in the library, as text. */
  sense.LibraryLine = ({ performers }) => {
    if (!performers) return h("span", { className: "text-muted" }, say("loading"));
    if (!performers.length) return h("span", { className: "text-muted" }, say("notInLibrary"));
    const names = performers.map((each) => each.name + (each.disambiguation ? ` (${each.disambiguation})` : ""));
    return h("span", null, h(sense.Text, null, say("inLibrary", { names: names.join(", ") })));
  };

  /** Somebody's name and what is known of them; what else there is to say of them first. */
  sense.Who = ({ person, performers, children }) =>
    h(
      api.React.Fragment,
      null,
      h("h6", null, h(sense.Text, null, person.name)),
      h(
        "div",
        { className: "sense-facts" },
        children,
        person.country && h("span", null, h(sense.Text, null, say("country", { country: person.country }))),
        h(sense.BoxLink, { person }),
      ),
      h("div", null, h(sense.LibraryLine, { performers })),
    );

  /** Keeps a fault of ours in our own corner of the page. */
  sense.Boundary = class extends api.React.Component {
    /** @param {{quiet?: boolean, children?: unknown}} props */
    constructor(props) {
      super(props);
      this.state = { broken: false };
    }
    static getDerivedStateFromError() {
      return { broken: true };
    }
    /** @param {unknown} error */
    componentDidCatch(error) {
      sense.report("a view broke", error);
    }
    render() {
      const { quiet, children } = /** @type {{quiet?: boolean, children?: any}} */ (this.props);
      if (!(/** @type {{broken: boolean}} */ (this.state).broken)) return children ?? null;
      return quiet ? null : h(Alert, { variant: "danger" }, say("wrong"));
    }
  };
});
