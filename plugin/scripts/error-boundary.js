/** Contains a failure of ours, so that Stash's page stays up. */
window.StashSense.part("error-boundary", (sense, api) => {
  const { h, t } = sense;
  const { Alert } = api.libraries.Bootstrap;

  /** Shows `fallback` where its children throw; without one, says that something went wrong. */
  sense.ErrorBoundary = class extends api.React.Component {
    /** @param {{fallback?: unknown, children?: unknown}} props */
    constructor(props) {
      super(props);
      this.state = { failed: false };
    }
    static getDerivedStateFromError() {
      return { failed: true };
    }
    /** @param {unknown} error */
    componentDidCatch(error) {
      sense.report("a component failed to render", error);
    }
    render() {
      const { fallback, children } = /** @type {{fallback?: any, children?: any}} */ (this.props);
      if (!(/** @type {{failed: boolean}} */ (this.state).failed)) return children ?? null;
      return fallback === undefined ? h(Alert, { variant: "danger" }, t("wrong")) : fallback;
    }
  };
});
