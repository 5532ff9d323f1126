/** What the scripts share, for `tsc --checkJs`. Nothing of this ships. */

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
  patch: { after(component: string, change: (...given: any[]) => any): void };
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
type ActionState = { step: "idle" | "busy" | "done" | "failed"; error: string };
type Action = ActionState & { start: () => Promise<boolean>; forget: () => void };
type Loaded<T> = { loading: boolean; value: T | null; error: string };
type Size = { width: number; height: number };
type Box = { x: number; y: number; width: number; height: number; confidence: number };
type Picture = { src: string | null; size: Size | null; broken: boolean };

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

interface StashScene {
  id: string;
  performers: Performer[];
}

/** Somebody as the sidecar names them. */
interface Person {
  performer_id: string;
  name: string;
  stash_ids: StashId[];
  local_id: string | null;
  country: string | null;
  image_url: string | null;
  confidence: number;
  reference_id?: string | null;
}

interface Match extends Person {
  distance: number;
  reference_id: string | null;
}

interface Face {
  face_id: string;
  box: Box;
  quality: number;
  verdict: "match" | "ambiguous" | "unknown";
  reason: string;
  /** Whom the verdict means; null where it means nobody. */
  performer_id: string | null;
  name: string | null;
  matches: Match[];
}

interface Identified {
  faces: Face[];
  face_count: number;
  stored?: boolean;
}

interface ScenePerson {
  frame_count: number;
  best_match: Match | null;
  all_matches: Match[];
}

/** One person's faces and the images that they are on, in the gallery's order. */
interface FacesOnImages {
  image_ids: string[];
  /** Best view first; results of before this was kept have none. */
  face_ids?: string[];
  /** The image of each of `face_ids`; older results have none. */
  face_image_ids?: string[];
}

interface GalleryPerson extends Person, FacesOnImages {
  best_distance: number;
  avg_distance: number;
  image_count: number;
  face_count?: number;
  faces_alone?: number;
  confirmed?: boolean;
}

/** Faces of one person, by their likeness alone, whom nobody could name. */
interface UnknownGroup extends FacesOnImages {
  track_id: string;
  verdict: "ambiguous" | "unknown";
  reason: string;
  face_ids: string[];
  face_count: number;
  image_count: number;
  nearest: Match[];
}

interface GalleryResult {
  total_images: number;
  images_processed: number;
  faces_detected: number;
  performers: GalleryPerson[];
  unknown?: UnknownGroup[];
  errors: string[];
  error_count: number;
  skipped: { image_id: string; reason: string }[];
  not_stored?: number;
}

interface Job {
  job_id: string;
  kind: "gallery" | "scene" | "library" | "database";
  target: string;
  status: "queued" | "running" | "done" | "failed" | "cancelled";
  done: number;
  total: number;
  faces: number;
  people: number;
  rate: number | null;
  eta_s: number | null;
  result: GalleryResult | null;
  error: string | null;
  ended_at?: string | null;
}

interface JournalEntry {
  entry_id: number;
  target_type: TargetType;
  target_ids: string[];
  local_id: string;
  status: "open" | "done" | "failed" | "undone";
  added_ids: string[];
  created_at: string;
  /** Why its end could not be noted, although the tag is written. */
  unnoted?: string;
}

interface JournalView {
  entries: JournalEntry[];
  names: Map<string, string>;
  next: number | null;
}

interface Decision {
  decision_id: number;
}

interface Health {
  status: "ok" | "degraded";
  version: string;
  loaded?: { database: { people: number; faces: number; built_at: string } | null };
  missing?: { what: string; code: string; detail: string }[];
  features?: string[];
}

interface Settings {
  minConfidence?: unknown;
  tagImages?: unknown;
}

type Locals = Map<string, Performer[]>;
type People = { locals: Locals; error: string; learn: (key: string, performer: Performer) => void };
type Outside = { href: string; host: string } | null;

interface TaggingOptions {
  person: Person;
  performers: Performer[] | undefined;
  isTagged: (performer: Performer) => boolean;
  write: (performer: Performer, note: (entry: JournalEntry) => void) => Promise<void>;
  learn: (key: string, performer: Performer) => void;
}

interface Tagging {
  add: Action;
  undo: Action;
  entries: JournalEntry[];
  note: string;
  chosen: string;
  setChosen: (id: string) => void;
  performer: Performer | undefined;
  already: boolean;
  added: boolean;
}

interface CandidateProps {
  match: Match;
  face: Face;
  picture: Picture;
  label: string;
  image: { id: string; tagged: Set<string> };
  people: People;
  refuse: (match: Match) => Promise<void>;
}

type SceneTarget = { id: string; tagged: Set<string> };

interface SceneCandidateProps {
  match: Match;
  frames: unknown;
  scene: SceneTarget;
  people: People;
  others: Match[];
  pick: (key: string) => void;
}

interface FiltersProps {
  least: number;
  setLeast: (percent: number) => void;
  gender: string;
  setGender: (gender: string) => void;
  people: GalleryPerson[];
  locals: Locals;
}

/** nobodyLeft: the user took out all faces of theirs. */
type RowTagging = Tagging & { nobodyLeft: boolean };

interface AcceptAllProps {
  visible: GalleryPerson[];
  rows: { current: Map<string, RowTagging> };
  locals: Locals;
}

/** One result of a gallery; partial: its job still goes on. */
interface ShownResult {
  result: GalleryResult;
  resultId: string;
  partial: boolean;
}

/** What is looked at: an image, whose faces are framed in it, and the one that was clicked. */
interface SeenInView {
  imageId: string;
  faceId: string | null;
  faceIds: string[];
  name: string;
  performerId: string | null;
}

interface ThumbnailsProps {
  imageIds: string[];
  name: string;
  look: (imageId: string) => void;
}

interface PersonRowProps {
  key: string;
  person: GalleryPerson;
  hidden: boolean;
  gone: boolean;
  gallery: { id: string; tagged: Set<string> };
  total: number;
  resultId: string;
  people: People;
  split: Split;
  alsoImages: boolean;
  setAlsoImages: (on: boolean) => void;
  look: (view: SeenInView) => void;
  register: (key: string, tagging: RowTagging) => void;
}

type Named = { performer_id: string; name: string };
type TakenOut = { faceId: string; name: string | null; resultId: string };

/** Faces taken out of their groups. */
interface Split {
  takeOut: (faceId: string, person: Named | null) => Promise<void>;
  takeBack: (faceId: string) => Promise<void>;
  /** Whether it was taken out of a group of the result that shows. */
  isOut: (faceId: string) => boolean;
  earlier: TakenOut[];
  /** Whether the groups have yet to take note. */
  unsettled: boolean;
}

interface FaceStripProps {
  faceIds: string[];
  name: string;
  person: Named | null;
  split: Split | null;
  look: (faceId: string) => void;
}

interface FaceTileProps extends Omit<FaceStripProps, "faceIds"> {
  key: string;
  faceId: string;
  number: number;
}

/** Who somebody is: found, or made, once it is asked for. key: the sidecar's, where it is known. */
interface NamedAs {
  find: () => Promise<Performer>;
  key?: string;
}

type NamingOutcome =
  | { kind: "named"; performer: Performer; performer_id: string; images: boolean }
  | { kind: "ignored" };

interface NamingOptions {
  type: "image" | "gallery";
  id: string;
  faceIds: () => string[];
  /** Which images are tagged too; null: none. */
  imageIds: (() => string[]) | null;
  tagged?: (localId: string, on: boolean) => void;
  changed?: () => void;
}

interface Naming {
  type: "image" | "gallery";
  act: Action;
  undo: Action;
  outcome: NamingOutcome | null;
  notes: string[];
  /** Whether there is something to take back. */
  written: boolean;
  name: (as: NamedAs) => Promise<boolean>;
  ignore: () => Promise<boolean>;
  again: () => Promise<boolean>;
}

interface WhoIsItProps {
  naming: Naming;
  /** Whom it may be: asked about. */
  likely: Match[];
  /** Whom else it may be. */
  others: Match[];
  people: People;
  /** Whose crop becomes the portrait of a new performer. */
  faceId: string | undefined;
  /** The label of what is left to do once it is named; empty: nothing. */
  more: string;
}

type DoneProps = { naming: Naming; halfDone: boolean; more: string };
type ChoicesProps = { matches: Match[]; people: People; naming: Naming; busy: boolean; first?: boolean };
type ChoiceProps = { key: string; match: Match; people: People; naming: Naming; busy: boolean; primary: boolean };
type SearchAnswer = { to: string; performers: Performer[]; error: string };

interface SearchOptionProps {
  key: string;
  id: string;
  performer: Performer;
  text: string;
  active: boolean;
  choose: () => void;
}

interface CreateFieldProps {
  id: string;
  label: string;
  value: string;
  set: (text: string) => void;
  first?: boolean;
  invalid?: boolean;
}

interface GroupsProps {
  groups: UnknownGroup[];
  resultId: string;
  gallery: StashGallery;
  people: People;
  split: Split;
  alsoAll: boolean;
  look: (view: SeenInView) => void;
  changed: () => void;
  tagged: (localId: string, on: boolean) => void;
}

interface GroupProps extends Omit<GroupsProps, "groups" | "resultId"> {
  key: string;
  groupKey: string;
  group: UnknownGroup;
  gone: boolean;
  register: (key: string, naming: Naming) => void;
}

/** Everything the parts give each other. */
interface Sense {
  // core
  broken: string[];
  report(what: string, error: unknown): void;
  h: (type: any, props?: any, ...children: any[]) => any;
  words(error: unknown): string;
  useAction(act: () => Promise<unknown>): Action;
  useLoaded<T>(load: () => Promise<T>, on: unknown[]): Loaded<T> & { again: () => void };
  useRefocus(place: { current: HTMLElement | null }, on: unknown, to?: string): void;
  // texts
  texts: Record<string, Record<string, string>>;
  language: string;
  when(text: string): string;
  say(key: any, values?: Record<string, unknown>): string;
  // route
  base(): string;
  getRoute(path?: string): Route;
  // stash
  ask(query: string, variables?: Record<string, unknown>): Promise<any>;
  getImage(id: string): Promise<StashImage | null>;
  getGallery(id: string): Promise<StashGallery | null>;
  getScene(id: string): Promise<StashScene | null>;
  thumbnail(imageId: string): string;
  performersOn(type: TargetType, ids: string[]): Promise<(string[] | null)[]>;
  withPerformer(type: TargetType, performerId: string): Promise<Set<string>>;
  change(type: TargetType, ids: string[], performerId: string, mode: "ADD" | "REMOVE"): Promise<void>;
  performers(ids: (string | null)[]): Promise<Performer[]>;
  performersByStashId(stashIds: StashId[]): Promise<Performer[][]>;
  boxes(): Promise<string[]>;
  findPerformers(text: string): Promise<Performer[]>;
  performersNamed(name: string): Promise<Performer[]>;
  createPerformer(input: Record<string, unknown>): Promise<Performer>;
  settings(): Promise<Settings>;
  refresh(type: TargetType): void;
  // sidecar
  call(mode: string, args?: Record<string, unknown>): Promise<any>;
  health(fresh?: boolean): Promise<Health>;
  hasNoDatabase(health: Health): boolean;
  reference(id: string | null | undefined): Promise<string | null>;
  /** A call when it is its turn: of those that a dialogue makes by itself, two run at once. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  // crops
  crop(faceId: string): Promise<string | null>;
  useInSight(place: { current: HTMLElement | null }, wanted: boolean): boolean;
  FaceCrop: View<{ faceId: string; alt: string }>;
  // people
  resolve(people: Person[]): Promise<Locals>;
  useLocals(people: Person[]): People;
  boxLink(person: Person): Outside;
  outside(address: string | null): Outside;
  portraitOf(performer: Performer | undefined): string | null;
  create(person: Person): Promise<Performer>;
  performerKey(performer: Performer): Promise<string>;
  // writes
  tag(type: TargetType, ids: string[], performerId: string): Promise<JournalEntry | null>;
  undo(entry: JournalEntry): Promise<JournalEntry>;
  journal(before?: number): Promise<{ entries: JournalEntry[]; next_before: number | null }>;
  // views
  Text: View<{ children?: unknown }>;
  Confidence: View<{ value: number }>;
  Busy: View<{ children?: unknown }>;
  Problem: View<{ error: string; again?: () => void; children?: unknown }>;
  Portrait: View<{ src: string | null; name: string; outside: Outside }>;
  KnownPortrait: View<{ person: Person; performers: Performer[] | undefined; performer?: Performer | undefined }>;
  BoxLink: View<{ person: Person }>;
  LibraryLine: View<{ performers: Performer[] | undefined }>;
  Who: View<{ person: Person; performers: Performer[] | undefined; children?: unknown }>;
  Boundary: any;
  // picture
  usePicture(image: StashImage | null): Picture;
  Boxed: View<{
    picture: Picture;
    boxes: { box: Box; label: string }[];
    current: number;
    choose?: (index: number) => void;
    alt: string;
  }>;
  Crop: View<{ picture: Picture; box: Box; faceId: string; alt: string }>;
  // tagging
  useTagging(options: TaggingOptions): Tagging;
  TagButton: View<{
    tagging: Tagging;
    performers: Performer[] | undefined;
    label: string;
    person: Person;
    /** Nothing is left to tag, only to take back. */
    undoOnly?: boolean;
  }>;
  SeveralSelect: View<{
    performers: Performer[];
    chosen: string;
    choose: (id: string) => void;
    disabled: boolean;
  }>;
  // naming
  useNaming(options: NamingOptions): Naming;
  WhoIsIt: View<WhoIsItProps>;
  PerformerPicker: View<{ pick: (find: () => Promise<Performer>) => void; cancel: () => void }>;
  PerformerSearch: View<{ pick: (find: () => Promise<Performer>) => void }>;
  PerformerLine: View<{ performer: Performer; text?: string }>;
  CreatePerformer: View<{
    faceId: string | undefined;
    pick: (find: () => Promise<Performer>) => void;
    cancel: () => void;
  }>;
  // splitting
  useSplit(resultId: string, changed: () => void): Split;
  FaceStrip: View<FaceStripProps>;
  TakenEarlier: View<{ split: Split }>;
  // dialogues
  Dialogue: View<{ title: string; hide: () => void; footer?: unknown; children?: unknown }>;
  Failed: View<{ error: string; again: () => void }>;
  PageDialogue: View<{ route: { type: TargetType; id: string }; hide: () => void }>;
  ImageDialogue: View<{ id: string; hide: () => void }>;
  GalleryDialogue: View<{ id: string; hide: () => void }>;
  SceneDialogue: View<{ id: string; hide: () => void }>;
  FaceCard: View<{
    key: string;
    face: Face;
    index: number;
    picture: Picture;
    image: { id: string; tagged: Set<string> };
    people: People;
    current: boolean;
    onFocus: () => void;
    named: (index: number, name: string | null) => void;
  }>;
  matchesOf(face: Face): Match[];
  Others: View<{ matches: Match[]; pick: (key: string) => void }>;
  GalleryResults: View<{
    gallery: StashGallery;
    settings: Settings;
    shown: ShownResult;
    running: boolean;
    update: () => Promise<void>;
    changed: () => void;
  }>;
  PersonRow: View<PersonRowProps>;
  UnknownGroups: View<GroupsProps>;
  useKept<T>(items: T[], keyOf: (item: T) => string, inUse: (key: string) => boolean): T[];
  clampPercent(percent: unknown): number;
  Filters: View<FiltersProps>;
  AcceptAll: View<AcceptAllProps>;
  SeenIn: View<SeenInView & { close: () => void }>;
  /** The image that a face is on; of an older result, which does not say, the person's first. */
  imageOf(faces: FacesOnImages, faceId: string): string;
  /** Their images but those that only faces taken out are on; throws where an older result does not say. */
  imagesWithout(faces: FacesOnImages, out: string[]): string[];
  // jobs
  runs(job: Job | null | undefined): boolean;
  canResume(job: Job): boolean;
  jobs(target?: string): Promise<Job[]>;
  changedSince(jobId: string): boolean;
  noteChange(jobId: string): void;
  useJob(): {
    job: Job | null;
    error: string;
    follow: (jobId: string) => Promise<void>;
    tell: (mode: "cancel_job" | "resume_job") => Promise<void>;
    show: (job: Job) => void;
    again: () => void;
  };
  Build: View<{ ready: () => void }>;
  Progress: View<{ job: Job; label: string }>;
  // places
  Page: View<unknown>;
  Agent: View<unknown>;
}
