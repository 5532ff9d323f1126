/** What Stash gives a plugin, and its performers, images, galleries and scenes. For `tsc --checkJs`; nothing of this ships. */

type ReactModule = typeof import("react");
type Element = import("react").ReactElement | null;
type View<P> = (props: P) => any;

interface PluginApi {
  React: ReactModule;
  ReactDOM: typeof import("react-dom");
  GQL?: Record<string, unknown>;
  /** Of Stash's own; which of them are there depends on the page and on Stash's version. */
  components?: Record<string, any>;
  loadableComponents?: Record<string, () => Promise<unknown>>;
  libraries: {
    Bootstrap: Record<string, any>;
    ReactRouterDOM: { useLocation(): { pathname: string }; Link: any };
    Intl: { useIntl(): { locale: string } };
  };
  register: { route(path: string, component: () => any): void };
  patch: {
    before(component: string, change: (props: any, ...rest: any[]) => any[]): void;
    after(component: string, change: (...given: any[]) => any): void;
  };
  utils: { StashService: { getClient(): { refetchQueries(options: { include: unknown[] }): unknown } } };
}

/** `part` is there while the scripts load, the helpers for other scripts after that. */
interface StashSenseHelpers {
  part: (name: string, make: (sense: Sense, api: PluginApi) => void) => void;
  getRoute?: () => Route;
  getImage?: Sense["getImage"];
  getGallery?: Sense["getGallery"];
}

interface Window {
  PluginApi?: PluginApi;
  StashSense: StashSenseHelpers;
}

type TargetType = "image" | "gallery" | "scene";
type Route = { type: TargetType; id: string } | { type: "other"; id: null };

interface StashId {
  endpoint: string;
  stash_id: string;
}

/** A performer of this library. */
interface Performer {
  id: string;
  name: string;
  disambiguation: string | null;
  gender: string | null;
  image_path: string | null;
  stash_ids: StashId[];
  /** Only of a search. */
  alias_list?: string[];
}

interface StashImage {
  id: string;
  title: string | null;
  paths: { image: string | null; thumbnail: string | null };
  visual_files: Size[];
  performers: Performer[];
}

interface StashGallery {
  id: string;
  title: string | null;
  image_count: number;
  performers: Performer[];
}

interface StashMarker {
  id: string;
  title: string;
  seconds: number;
  primary_tag: { name: string };
}

interface StashScene {
  id: string;
  title: string | null;
  /** The first one is the primary; none where Stash lost them. */
  files: { duration: number }[];
  performers: Performer[];
  scene_markers: StashMarker[];
}

/** As much of video.js as is needed: Stash's player leaves itself on its element. */
interface VideoPlayer {
  currentTime(seconds: number): void;
  play(): Promise<void> | undefined;
}
