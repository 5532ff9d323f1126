"""The tab of one browser, used again by every test: opening a new one costs a second of a busy machine."""

import sys
from typing import Any

from fakes.ports import free_port
from pages import LONGEST_WAIT_MS, Watched

CLOCK = """(() => {
  const { setTimeout: start, clearTimeout: stop, fetch: send } = window;
  const timers = new Map();
  window.waits = [];
  window.setTimeout = (work, ms = 0, ...rest) => {
    if (ms >= 500) window.waits.push(Math.min(Math.round(ms), 5000));
    const run = () => {
      window.clearTimeout(id);
      work(...rest);
    };
    const id = start(run, ms >= 500 ? ms / 5 : ms);
    timers.set(id, { at: performance.now() + ms, run });
    return id;
  };
  window.clearTimeout = (id) => {
    timers.delete(id);
    stop(id);
  };
  window.turnClock = (ms) => {
    const until = performance.now() + ms;
    for (;;) {
      const [next] = [...timers.values()].filter((each) => each.at <= until).sort((a, b) => a.at - b.at);
      if (!next) return;
      next.run();
    }
  };
  window.calls = 0;
  window.fetch = (...given) => {
    window.calls += 1;
    return send.apply(window, given);
  };
})()"""
"""The page's clock: its long waits take a fifth of their time, `turnClock(ms)` runs at once what is due until
then; `waits` lists those long waits, and `calls` counts the requests of its scripts."""


class Tabs:
    """The tabs that a test opens are kept for the next test; each has a user of its own.

    `port` is where Stash stays between tests, so that the scripts are compiled once.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._kept = [self._new()]
        self._open: list[tuple[Any, Watched]] = []
        self.port = free_port()

    def _new(self) -> tuple[Any, Watched]:
        context = self._browser.new_context(reduced_motion="reduce")
        context.set_default_timeout(LONGEST_WAIT_MS)
        context.add_init_script(CLOCK)
        page = context.new_page()
        return page, Watched(page)

    def open(self, port: int, width: int, height: int) -> Any:
        """Playwright's page. Whatever it loads from beyond the origin at `port` is trouble."""
        if len(self._open) == len(self._kept):
            self._kept.append(self._new())
        page, watched = self._kept[len(self._open)]
        self._open.append((page, watched))
        watched.origin = f"http://127.0.0.1:{port}"
        page.troubles = watched.troubles
        page.set_viewport_size({"width": width, "height": height})
        return page

    def reset(self) -> None:
        """As good as new: nothing shown, nothing stored. Fails the test for what went wrong on a page."""
        opened, self._open = self._open, []
        troubles = [text for _, watched in opened for text in watched.troubles]
        for page, _ in opened:
            sys.stdout.write(f"{page.url} showed:\n{page.inner_text('body')}\n")  # for a failed test
        for page, watched in opened:
            self._clean(page, watched)
        assert troubles == []

    def _clean(self, page: Any, watched: Watched) -> None:
        debugger = page.context.new_cdp_session(page)
        debugger.send("Storage.clearDataForOrigin", {"origin": watched.origin, "storageTypes": "all"})
        debugger.send("Network.clearBrowserCache")
        debugger.detach()
        # Leaving by itself, the page keeps its process, in which the scripts are compiled.
        page.evaluate("location.replace('about:blank')")
        page.wait_for_url("about:blank")
        watched.troubles.clear()
