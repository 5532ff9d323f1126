/** Our own field for a performer: type a name or an alias, choose with arrows and Enter, or with a click. */
window.StashSense.part("performer-search", (sense, api) => {
  const { h, say } = sense;
  const { Form } = api.libraries.Bootstrap;
  const PAUSE_MS = 250; // while somebody types
  let fields = 0;

  sense.PerformerSearch = ({ pick }) => {
    const { useState } = api.React;
    const [id] = useState(() => `sense-search-${(fields += 1)}`);
    const [text, setText] = useState("");
    const [at, setAt] = useState(0);
    const { performers, searching, error, again } = useSearch(text);
    const choose = (/** @type {Performer | undefined} */ performer) => {
      if (performer) pick(async () => performer);
    };
    const keys = (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && performers.length) setAt((at + step + performers.length) % performers.length);
      else if (event.key === "Enter") choose(performers[at]);
      else if (event.key === "Escape" && text) setText("");
      else return;
      event.preventDefault();
    };
    const open = performers.length > 0;
    return h(
      "div",
      { className: "sense-search" },
      h(Form.Label, { htmlFor: id }, say("searchLabel")),
      h(Form.Control, {
        id,
        className: "text-input",
        type: "text",
        autoFocus: true,
        autoComplete: "off",
        role: "combobox",
        "aria-autocomplete": "list",
        "aria-expanded": open,
        "aria-controls": `${id}-list`,
        "aria-activedescendant": open ? `${id}-${at}` : undefined,
        value: text,
        onChange: (/** @type {{target: HTMLInputElement}} */ event) => {
          setText(event.target.value);
          setAt(0);
        },
        onKeyDown: keys,
      }),
      h(
        "ul",
        { id: `${id}-list`, role: "listbox", "aria-label": say("searchLabel"), hidden: !open },
        performers.map((performer, index) =>
          h(Option, {
            key: performer.id,
            id: `${id}-${index}`,
            performer,
            text,
            active: index === at,
            choose: () => choose(performer),
          }),
        ),
      ),
      h(
        "p",
        { role: "status", className: "text-muted sense-search-state" },
        searching
          ? say("searching")
          : open
            ? say("performersFound", { n: performers.length })
            : text.trim() && !error && say("nobodyNamed"),
      ),
      error && h(sense.Problem, { error, again }),
    );
  };

  /** Whom a text finds, once the typing pauses; an answer that comes after the text has changed is dropped. */
  const useSearch = (/** @type {string} */ text) => {
    const { useEffect, useState } = api.React;
    const wanted = text.trim();
    const [answer, setAnswer] = useState(/** @type {SearchAnswer} */ ({ to: "", performers: [], error: "" }));
    const [turn, setTurn] = useState(0);
    useEffect(() => {
      if (!wanted) return undefined;
      let current = true;
      const timer = setTimeout(() => {
        sense.findPerformers(wanted).then(
          (performers) => current && setAnswer({ to: wanted, performers, error: "" }),
          (error) => current && setAnswer({ to: wanted, performers: [], error: sense.words(error) }),
        );
      }, PAUSE_MS);
      return () => {
        current = false;
        clearTimeout(timer);
      };
    }, [wanted, turn]);
    const here = wanted !== "" && answer.to === wanted;
    const again = () => {
      setAnswer({ to: "", performers: [], error: "" });
      setTurn(turn + 1);
    };
    return {
      performers: here ? answer.performers : [],
      error: here ? answer.error : "",
      searching: wanted !== "" && !here,
      again,
    };
  };

  /** @param {SearchOptionProps} props */
  const Option = ({ id, performer, text, active, choose }) => {
    const { useEffect, useRef } = api.React;
    const place = useRef(/** @type {HTMLElement | null} */ (null));
    useEffect(() => {
      if (active) place.current?.scrollIntoView({ block: "nearest" });
    }, [active]);
    return h(
      "li",
      {
        ref: place,
        id,
        role: "option",
        "aria-selected": active,
        className: active ? "sense-active" : "",
        onMouseDown: (/** @type {MouseEvent} */ event) => event.preventDefault(), // the field keeps the focus
        onClick: choose,
      },
      h(sense.PerformerLine, { performer, text }),
    );
  };

  /** A performer of the library, told from others of the same name; by the alias that was typed, if it was one. */
  sense.PerformerLine = ({ performer, text }) => {
    const portrait = sense.portraitOf(performer);
    const typed = (text || "").trim().toLowerCase();
    const alias =
      typed && !performer.name.toLowerCase().includes(typed)
        ? performer.alias_list?.find((each) => each.toLowerCase().includes(typed))
        : undefined;
    return h(
      "span",
      { className: "sense-performer-line" },
      portrait
        ? h("img", { src: portrait, alt: "", loading: "lazy", className: "sense-small" })
        : h("span", { className: "sense-small sense-none", "aria-hidden": true }, "?"),
      h(
        "span",
        null,
        h(sense.Text, null, performer.name),
        performer.disambiguation &&
          h("small", { className: "text-muted" }, " ", h(sense.Text, null, `(${performer.disambiguation})`)),
        alias && h("small", { className: "text-muted" }, " ", h(sense.Text, null, say("alias", { alias }))),
      ),
    );
  };
});
