/**
 * A page like Stash's own: the same PluginApi, routes and toolbar markup, as far as a plugin can notice.
 * Written from "What a real Stash does"; React and the rest are Stash's own versions.
 */
(() => {
  "use strict";

  const { React, ReactDOM, ReactBootstrap, ReactRouterDOM } = window;
  const h = React.createElement;
  const { Alert, Button, Dropdown, Nav, Navbar, Tab, Tabs, Toast } = ReactBootstrap;
  const { BrowserRouter, Link, NavLink, Route, Switch } = ReactRouterDOM;
  const base = document.querySelector("base").getAttribute("href");
  const asked = new URLSearchParams(window.location.search);

  // --- patching, as in Stash ---
  const patches = { before: {}, after: {} };
  const patched = (name, render) => (...given) => {
    let args = given;
    for (const each of patches.before[name] || []) args = each(...args);
    let result = render(...args);
    for (const each of patches.after[name] || []) result = each(...args, result);
    return result;
  };
  const patch = (kind) => (name, change) => {
    (patches[kind][name] ??= []).push(change);
  };

  // --- Apollo's part: queries that can be asked again by document ---
  const live = new Map();
  const GQL = Object.fromEntries(
    ["FindImage", "FindImages", "FindGallery", "FindScene"].map((name) => [`${name}Document`, { name }]),
  );
  const client = {
    refetchQueries: ({ include }) =>
      Promise.all(include.flatMap((document) => [...(live.get(document) || [])]).map((again) => again())),
  };
  const graphql = async (query, variables) => {
    const response = await fetch(`${base}graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()).data;
  };
  const useQuery = (document, query, variables) => {
    const [data, setData] = React.useState(null);
    const key = JSON.stringify(variables);
    React.useEffect(() => {
      const load = () => graphql(query, variables).then(setData);
      const mounted = live.get(document) || new Set();
      live.set(document, mounted.add(load));
      setData(null);
      load();
      return () => mounted.delete(load);
    }, [key]);
    return data;
  };

  // --- the pages ---
  const Toolbar = ({ kind, counter }) =>
    h(
      "div",
      { className: `${kind}-toolbar` },
      h("span", { className: `${kind}-toolbar-group` }, h("span", { className: "rating-stars" }, "☆☆☆☆☆")),
      h(
        "span",
        { className: `${kind}-toolbar-group` },
        counter && h("span", null, h("div", { className: "btn-group" }, h(Button, { variant: "secondary", className: "minimal" }, "0"))),
        h("span", null, h(Button, { variant: "secondary", className: "minimal organized-button", title: "Organized" }, "▣")),
        h(
          "span",
          null,
          h(
            Dropdown,
            null,
            h(Dropdown.Toggle, { variant: "secondary", className: "minimal", title: "Operations", id: "operation-menu" }, "⋮"),
            h(Dropdown.Menu, null, h(Dropdown.Item, null, "Rescan")),
          ),
        ),
      ),
    );
  const Performers = ({ performers }) =>
    h(
      "div",
      { className: "performers" },
      h("h6", null, "Performers"),
      performers.map((each) => h("span", { key: each.id, className: "badge badge-secondary", "data-performer": each.id }, each.name)),
    );
  const Details = ({ kind, title, performers, children }) =>
    h(
      "div",
      { className: "row" },
      h(
        "div",
        { className: `${kind}-tabs order-xl-first order-last` },
        h("h3", { className: `${kind}-header` }, title),
        !asked.has("toolbarless") && h(Toolbar, { kind, counter: kind !== "gallery" }),
        h(Tabs, { id: "tabs", defaultActiveKey: "details" }, h(Tab, { eventKey: "details", title: "Details" }, h(Performers, { performers }))),
      ),
      h("div", { className: `${kind}-container` }, children),
    );
  const PERFORMERS = "performers { id name }";
  const ImagePage = ({ match }) => {
    const { id } = match.params;
    const data = useQuery(GQL.FindImageDocument, `query FindImage($id: ID!) { findImage(id: $id) { id title paths { image } ${PERFORMERS} } }`, { id });
    if (!data) return h("div", { className: "LoadingIndicator" });
    const image = data.findImage;
    if (!image) return h(Alert, { variant: "danger" }, `No image found with id ${id}.`);
    return h(
      Details,
      { kind: "image", title: image.title || `Image ${id}`, performers: image.performers },
      h("img", { className: "image-image", src: `${base}image/${id}/image`, alt: image.title || "" }),
    );
  };
  const GalleryPage = ({ match }) => {
    const { id } = match.params;
    const data = useQuery(GQL.FindGalleryDocument, `query FindGallery($id: ID!) { findGallery(id: $id) { id title image_count ${PERFORMERS} } }`, { id });
    const filter = { galleries: { value: [id], modifier: "INCLUDES" } };
    const list = useQuery(
      GQL.FindImagesDocument,
      "query FindImages($filter: ImageFilterType) { findImages(image_filter: $filter, filter: { per_page: 20, sort: \"path\" }) { images { id title } } }",
      { filter },
    );
    if (!data) return h("div", { className: "LoadingIndicator" });
    const gallery = data.findGallery;
    if (!gallery) return h(Alert, { variant: "danger" }, `No gallery found with id ${id}.`);
    return h(
      Details,
      { kind: "gallery", title: gallery.title || `Gallery ${id}`, performers: gallery.performers },
      h(
        "div",
        { className: "wall" },
        (list?.findImages.images || []).map((image) =>
          h(Link, { key: image.id, to: `/images/${image.id}` }, h("img", { src: `${base}image/${image.id}/thumbnail`, alt: image.title || "" })),
        ),
      ),
    );
  };
  // As video.js: the player is a property of the element that it has put around the video.
  const ScenePlayer = ({ id }) => {
    const place = React.useRef(null);
    React.useEffect(() => {
      const video = place.current.querySelector("video");
      place.current.player = {
        play: () => video.play(),
        currentTime: (seconds) => {
          if (seconds !== undefined) {
            video.currentTime = seconds;
            window.seeks.push(seconds);
          }
          return video.currentTime;
        },
      };
    }, [id]);
    return h(
      "div",
      { ref: place, id: "VideoJsPlayer", className: "video-js" },
      h("video", { className: "vjs-tech", src: `${base}scene/${id}/stream`, muted: true, preload: "auto" }),
    );
  };
  const ScenePage = ({ match }) => {
    const { id } = match.params;
    const data = useQuery(GQL.FindSceneDocument, `query FindScene($id: ID!) { findScene(id: $id) { id title ${PERFORMERS} } }`, { id });
    if (!data?.findScene) return h("div", { className: "LoadingIndicator" });
    return h(
      Details,
      { kind: "scene", title: data.findScene.title || `Scene ${id}`, performers: data.findScene.performers },
      !asked.has("playerless") && h(ScenePlayer, { id }),
    );
  };
  const Start = () => {
    const data = useQuery("start", "query Start { findGalleries(filter: { per_page: -1, sort: \"id\" }) { galleries { id title image_count } } findImages(filter: { per_page: 20, sort: \"id\" }) { images { id title } } }", {});
    if (!data) return h("div", { className: "LoadingIndicator" });
    return h(
      "div",
      { className: "start" },
      h("h4", null, "Galleries"),
      h("ul", null, data.findGalleries.galleries.map((each) => h("li", { key: each.id }, h(Link, { to: `/galleries/${each.id}` }, `${each.title || each.id} (${each.image_count})`)))),
      h("h4", null, "Images"),
      h("div", { className: "wall" }, data.findImages.images.map((each) => h(Link, { key: each.id, to: `/images/${each.id}` }, h("img", { src: `${base}image/${each.id}/thumbnail`, alt: each.title || `Image ${each.id}` })))),
    );
  };

  const PluginSettings = patched("PluginSettings", ({ pluginID, settings }) =>
    h(
      "div",
      { className: "plugin-settings", "data-plugin": pluginID },
      settings.map((each) => h("h3", { key: each.name }, each.display_name)),
    ),
  );
  const SettingsPage = () =>
    Object.entries(JSON.parse(document.body.dataset.settings)).map(([id, settings]) =>
      h(PluginSettings, { key: id, pluginID: id, settings }),
    );

  // --- the frame around them ---
  const Toasts = React.createContext(() => undefined);
  const MenuItems = patched("MainNavBar.MenuItems", ({ children }) => h(Nav, null, children));
  const PluginRoutes = patched("PluginRoutes", ({ children }) => h(React.Fragment, null, children));
  const Menu = () =>
    h(
      Navbar,
      { collapseOnSelect: true, variant: "dark", bg: "dark", expand: "xl", fixed: "top", className: "top-nav" },
      h(Navbar.Brand, { as: Link, to: "/" }, "Stash (stand-in)"),
      h(Navbar.Toggle),
      h(
        Navbar.Collapse,
        null,
        h(
          MenuItems,
          null,
          ["images", "galleries", "scenes"].map((each) => h(NavLink, { key: each, to: `/${each}`, className: "nav-link" }, each)),
        ),
      ),
    );
  const App = () => {
    const [toasts, setToasts] = React.useState([]);
    return h(
      Toasts.Provider,
      { value: (toast) => setToasts((before) => [...before, toast]) },
      h(
        BrowserRouter,
        { basename: base },
        h(Menu),
        h(
          "div",
          { className: "main container-fluid", role: "main" },
          h(
            Switch,
            null,
            h(Route, { path: "/images/:id(\\d+)", component: ImagePage }),
            h(Route, { path: "/galleries/:id(\\d+)", component: GalleryPage }),
            h(Route, { path: "/scenes/:id(\\d+)", component: ScenePage }),
            h(Route, { path: ["/plugin", "/plugins"] }, h(PluginRoutes)),
            h(Route, { path: "/settings", component: SettingsPage }),
            h(Route, { component: Start }),
          ),
        ),
        h("div", { className: "toasts" }, toasts.map((toast, index) => h(Toast, { key: index }, toast.content))),
      ),
    );
  };

  // --- components that a plugin may load: `?select=` says how the field for performers is ---
  const components = {};
  const fields = {
    works: ({ values, isMulti, creatable, onSelect, autoFocus, "aria-label": label }) => {
      const [text, setText] = React.useState("");
      const find = async () => {
        const query = "query Select($q: String) { findPerformers(filter: { q: $q }) { performers { id name disambiguation } } }";
        const { performers } = (await graphql(query, { q: text })).findPerformers;
        if (Array.isArray(values) && !isMulti && !creatable) onSelect(performers.slice(0, 1));
      };
      return h("input", {
        className: "react-select__input",
        "aria-label": label,
        autoFocus,
        value: text,
        onChange: (event) => setText(event.target.value),
        onKeyDown: (event) => event.key === "Enter" && find(),
      });
    },
    throws: () => {
      throw new Error("the field is broken");
    },
    empty: () => h("div"),
  };
  const select = asked.get("select");
  const loadableComponents = select && {
    PerformerSelect: async () => {
      if (select === "fails") throw new Error("the chunk is gone");
      if (select === "hangs") await new Promise(() => undefined);
      components.PerformerSelect = fields[select];
    },
  };

  window.PluginApi = {
    components,
    loadableComponents: loadableComponents || {},
    React,
    ReactDOM,
    GQL,
    libraries: {
      ReactRouterDOM,
      Bootstrap: ReactBootstrap,
      Intl: { useIntl: () => ({ locale: asked.get("locale") || "en-GB" }) },
    },
    register: {
      route: (path, component) =>
        patch("before")("PluginRoutes", (props) => [
          { children: h(React.Fragment, null, props.children, h(Route, { path, component })) },
        ]),
    },
    patch: { before: patch("before"), after: patch("after") },
    hooks: {
      useToast: () => {
        const add = React.useContext(Toasts);
        return { toast: add, success: (content) => add({ content }), error: (error) => add({ content: String(error) }) };
      },
    },
    utils: { StashService: { getClient: () => client } },
  };

  // Stash renders once the plugins' scripts have been loaded, whether or not they could be run.
  const plugins = (document.body.dataset.plugins || "").split(" ").filter(Boolean);
  Promise.all(
    plugins.map(
      (id) =>
        new Promise((ready) => {
          const script = document.createElement("script");
          script.src = `${base}plugin/${id}/javascript`;
          script.onload = script.onerror = ready;
          document.head.append(script);
        }),
    ),
  ).then(() => ReactDOM.render(h(App), document.getElementById("root")));

  // Where the player was sent to.
  window.seeks = [];

  // Single-key shortcuts, as Stash has them on these pages.
  window.shortcuts = [];
  document.addEventListener("keypress", (event) => {
    if ("aefo".includes(event.key) && !/INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) window.shortcuts.push(event.key);
  });
})();
