/** The player of Stash's scene page. */
window.StashSense.part("stash-player", (sense) => {
  const PLAYER = ".video-js";

  /**
   * Plays from a time, as Stash's own markers do; false where the page has no player. Through video.js, which knows
   * that a stream that Stash transcodes begins somewhere else than at 0.
   */
  sense.playFrom = (seconds) => {
    const place = document.querySelector(PLAYER);
    const video = place?.querySelector("video");
    if (!place || !video) return false;
    const { player } = /** @type {{player?: VideoPlayer}} */ (/** @type {unknown} */ (place));
    place.scrollIntoView({ block: "nearest" });
    const seek = () => {
      if (player) player.currentTime(seconds);
      else video.currentTime = seconds;
    };
    const begins = (player || video).play();
    // A browser may refuse to play by itself: the picture at that time shows all the same.
    if (begins) begins.then(seek, seek);
    else seek();
    return true;
  };
});
