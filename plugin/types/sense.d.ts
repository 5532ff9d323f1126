/** What the scripts share: each part adds its own members. For `tsc --checkJs`; nothing of this ships. */

interface Sense {
  // parts, hooks
  brokenParts: string[];
  report(what: string, error: unknown): void;
  h: (type: any, props?: any, ...children: any[]) => any;
  errorText(error: unknown): string;
  useAction(act: () => Promise<unknown>): Action;
  useLoaded<T>(load: () => Promise<T>, deps: unknown[], enabled?: boolean): Loaded<T> & { retry: () => void };
  usePolling(poll: () => Promise<boolean>, key: string | null): { error: string; away: boolean; retry: () => void };
  useReturn(look: () => Promise<unknown>): void;
  tryAgain<T>(work: () => Promise<T>, isWanted: () => boolean, tell: (problem: unknown) => void): Promise<T>;
  useInView(place: { current: HTMLElement | null }, enabled: boolean): boolean;
  useRefocus(place: { current: HTMLElement | null }, key: unknown, selector?: string): void;
  // texts
  texts: Record<string, Record<string, string>>;
  language: string;
  formatTime(text: string): string;
  t(key: any, values?: Record<string, unknown>): string;
  problemText(code: string | null | undefined, said: string, numbers?: Record<string, number>): string;
  /** A confidence from 0 to 1 in percent. */
  formatPercent(confidence: number): string;
  // reasons
  reasonText(reasoned: Reasoned, performers: PerformersByKey): string;
  // route
  basePath(): string;
  getRoute(path?: string): Route;
  // stash
  PERFORMER_FIELDS: string;
  aliased(
    name: string,
    values: unknown[],
    type: string,
    field: (variable: string) => string,
    operation?: "query" | "mutation",
  ): Promise<any[]>;
  queryStash(query: string, variables?: Record<string, unknown>): Promise<any>;
  isStashAway(error: unknown): boolean;
  getImage(id: string): Promise<StashImage | null>;
  getGallery(id: string): Promise<StashGallery | null>;
  /** By gallery id: the title, else the name of its folder or file. Without those that are gone. */
  galleryTitles(ids: string[]): Promise<Map<string, string>>;
  thumbnail(imageId: string): string;
  performersOn(type: TargetType, ids: string[]): Promise<(string[] | null)[]>;
  targetsWithPerformer(type: TargetType, performerId: string): Promise<Set<string>>;
  updatePerformers(type: TargetType, ids: string[], performerId: string, mode: "ADD" | "REMOVE"): Promise<void>;
  performersById(ids: (string | null)[]): Promise<Performer[]>;
  performersByStashId(stashIds: StashId[]): Promise<Performer[][]>;
  stashBoxes(): Promise<string[]>;
  searchPerformers(text: string): Promise<Performer[]>;
  performersCalled(names: string[]): Promise<Performer[][]>;
  comparableName(name: string): string;
  createPerformer(input: Record<string, unknown>): Promise<Performer>;
  pluginSettings(): Promise<Settings>;
  refreshPage(type: TargetType): void;
  // stash-scenes
  getScene(id: string): Promise<StashScene | null>;
  /** By scene id: the title, else the name of its file. Without those that are gone. */
  sceneTitles(ids: string[]): Promise<Map<string, string>>;
  /** Whether Stash shows a moving picture as this image. */
  isClip(id: string): Promise<boolean>;
  /** By image id: whether it is a clip, and the scene of the same file. */
  scenesOfClips(imageIds: string[]): Promise<Map<string, { clip: boolean; sceneId: string | null }>>;
  ownMarkers(scene: StashScene, name: string): StashMarker[];
  createMarkers(sceneId: string, name: string, spans: Span[]): Promise<string[]>;
  destroyMarkers(ids: string[]): Promise<void>;
  // stash-player, timeline
  playFrom(seconds: number): boolean;
  formatClock(seconds: number): string;
  secondsIn(spans: Span[]): number;
  validSpans(spans: unknown, duration: number): Span[];
  Timeline: View<TimelineProps>;
  // sidecar
  callSidecar(mode: string, args?: Record<string, unknown>): Promise<any>;
  health(fresh?: boolean): Promise<Health>;
  hasNoDatabase(health: Health): boolean;
  referenceImage(person: { performer_id: string; reference_id?: string | null }): Promise<string | null>;
  /** Runs at most two background calls at once; the others wait. */
  limited<T>(work: () => Promise<T>): Promise<T>;
  // face-crops
  faceCrop(faceId: string): Promise<string | null>;
  NewlyNamed: View<{}>;
  RollbackDatabase: View<{ done: () => void }>;
  FaceThumbnail: View<{ faceId: string; alt: string }>;
  // library-people
  findLocalPerformers(people: Person[]): Promise<PerformersByKey>;
  usePeople(people: Person[]): People;
  stashBoxLink(person: Person): ExternalLink;
  externalLink(address: string | null): ExternalLink;
  performerPortrait(performer: Performer | undefined): string | null;
  libraryPicture(person: Person): string | null;
  libraryName(person: { name: string }, performers: Performer[] | null | undefined, chosen?: Performer | undefined): string;
  performerName(performer: Performer): string;
  createFromMatch(person: Person, learn: People["learn"]): Promise<Performer>;
  NameTaken: new (name: string) => Error;
  performerKey(performer: Performer): Promise<string>;
  // tag-journal
  tagPerformer(
    type: TargetType,
    ids: string[],
    performerId: string,
    batchId?: string | null,
  ): Promise<JournalEntry | null>;
  untagPerformer: Sense["tagPerformer"];
  undoEntry(entry: JournalEntry): Promise<JournalEntry>;
  journalPage(before?: number): Promise<{ entries: JournalEntry[]; next_before: number | null }>;
  // scene-markers
  markPerson(sceneId: string, performer: Performer, spans: Span[]): Promise<JournalEntry | null>;
  markersOfEntry(entry: JournalEntry): Promise<string[]>;
  removeMarkers(entry: JournalEntry): Promise<void>;
  SceneMarkers: View<{ key: string; scene: StashScene; performer: Performer; spans: Span[] }>;
  // picture-journal
  /** Replaces a performer's picture with a data: URL, and notes it. */
  replacePicture(performerId: string, after: string): Promise<JournalEntry>;
  /** Whether Stash has the picture that the entry wrote. */
  isPictureOf(entry: JournalEntry): Promise<boolean>;
  putPictureBack(entry: JournalEntry): Promise<void>;
  PictureChanged: new () => Error;
  // performer-picture
  PerformerPicture: View<{
    key: string;
    performer: Performer;
    /** The best first. */
    faceIds: string[];
    changed: (performer: Performer) => void;
  }>;
  // messages, portraits, person-facts, error-boundary
  shortened(text: string, most: number): string;
  Text: View<{ children?: unknown }>;
  Confidence: View<{ value: number }>;
  VerdictBadge: View<{ status: Face["verdict"] | "yours" }>;
  Busy: View<{ children?: unknown }>;
  ErrorLine: View<{ error: string | null | undefined }>;
  Problem: View<{ error: string; retry?: () => void; children?: unknown }>;
  Portrait: View<{ key?: string | null; src: string | null; name: string; external: ExternalLink }>;
  KnownPortrait: View<{ person: Person; performers: Performer[] | null | undefined; performer?: Performer | undefined }>;
  StashBoxLink: View<{ person: Person }>;
  LibraryLine: View<{ performers: Performer[] | null | undefined }>;
  PersonName: View<{ person: Person; performers: Performer[] | null | undefined; chosen?: Performer | undefined }>;
  PersonFacts: View<{
    person: Person;
    performers: Performer[] | null | undefined;
    chosen?: Performer | undefined;
    children?: unknown;
  }>;
  ErrorBoundary: any;
  // boxed-image
  useImageSource(image: StashImage | null): Picture;
  BoxedImage: View<{
    picture: Picture;
    /** label: for a screen reader; name: shown on the box that is pointed at or focused. */
    boxes: { box: Box; label: string; name: string }[];
    current: number;
    choose?: ((index: number) => void) | undefined;
    alt: string;
  }>;
  CroppedFace: View<{ picture: Picture; box: Box; faceId: string; alt: string }>;
  // tag-button
  useTagging(options: TaggingOptions): Tagging;
  TagButton: View<{
    tagging: Tagging;
    performers: Performer[] | null | undefined;
    label: string;
    person: Person;
    /** Nothing is left to tag, only to undo. */
    undoOnly?: boolean;
  }>;
  PerformerChoice: View<{
    performers: Performer[];
    chosen: string;
    choose: (id: string) => void;
    disabled: boolean;
  }>;
  // face-naming, face-naming-form
  useFaceNaming(options: NamingOptions): Naming;
  FaceNamingForm: View<NamingFormProps>;
  PerformerPicker: View<{ pick: (find: () => Promise<Performer>) => void; cancel: () => void }>;
  PerformerSearch: View<{ pick: (find: () => Promise<Performer>) => void }>;
  PerformerLine: View<{ performer: Performer; text?: string }>;
  CreatePerformer: View<{
    faceId: string | undefined;
    pick: (find: () => Promise<Performer>) => void;
    cancel: () => void;
  }>;
  // excluded-faces
  useExcludedFaces(resultId: string, changed: () => void): ExcludedFaces;
  FaceStrip: View<FaceStripProps>;
  ExcludedEarlier: View<{ exclusion: ExcludedFaces }>;
  // dialogues
  Dialogue: View<{ title: string; hide: () => void; footer?: unknown; children?: unknown }>;
  FailedCall: View<{ error: string; retry: () => void }>;
  KeepKeys: View<{ children?: unknown }>;
  JobDialogue: View<{ id: string; kind: JobKind; hide: () => void }>;
  JobResults: View<{ id: string; kind: JobKind }>;
  ClipNote: View<{ imageId: string }>;
  SkippedClips: View<{ imageIds: string[] }>;
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
    reread: () => void;
  }>;
  // decisions
  FaceDecisions: View<{ decisions: StandingDecision[]; changed: () => void }>;
  PageDecisions: View<unknown>;
  matchesOf(face: Face): Match[];
  OtherMatches: View<{ matches: Match[]; people: People; pick: (key: string) => void }>;
  GalleryResults: View<Omit<Results<StashGallery, GalleryResult>, "target"> & { gallery: StashGallery }>;
  SceneResults: View<Results<StashScene, SceneResult> & { play: (seconds: number) => boolean }>;
  useTagged(target: { performers: Performer[] }): {
    tagged: Set<string>;
    set: (localId: string, on: boolean) => void;
  };
  UpdateNote: View<{ update: () => Promise<unknown>; note: string; label: string }>;
  ScenePerson: View<ScenePersonProps>;
  sceneMatches(person: ScenePerson): Match[];
  bestFaces(track: SceneTrack): FrameFace[];
  onScreenText(spans: Span[]): string;
  SceneFace: View<FaceOnScreenProps>;
  SceneFaces: View<FaceOnScreenProps>;
  SceneUnknown: View<SceneUnknownProps>;
  PersonRow: View<PersonRowProps>;
  UnknownPeople: View<UnknownPeopleProps>;
  UnknownGroups: View<UnknownGroupsProps>;
  useRemovedInUse<T>(items: T[], keyOf: (item: T) => string, inUse: (key: string) => boolean): T[];
  clampPercent(percent: unknown): number;
  GalleryFilters: View<GalleryFiltersProps>;
  AcceptAll: View<AcceptAllProps>;
  ImageViewer: View<ImageView & { exclusion: ExcludedFaces; close: () => void }>;
  /** The faces of a person, each with its image, from one of them on. */
  stepsAt(faces: FacesOnImages, faceId: string): StepsAt;
  NotHere: View<{ key: string; faceId: string; person: Named | null; exclusion: ExcludedFaces }>;
  /** The image that a face is on; in an older result, which does not tell, the first image of the person. */
  imageOf(faces: FacesOnImages, faceId: string): string;
  /** The images of a person without those that only excluded faces are on. Throws if an older result cannot tell. */
  imagesWithout(faces: FacesOnImages, out: string[]): string[];
  // jobs
  isRunning(job: Job | null | undefined): boolean;
  canResume(job: Job): boolean;
  listJobs(target?: string): Promise<Job[]>;
  useJob(): {
    job: Job | null;
    error: string;
    /** Whether it is Stash itself that cannot be reached: polling goes on until it is back. */
    away: boolean;
    follow: (jobId: string) => Promise<void>;
    control: (mode: "cancel_job" | "pause_job" | "resume_job") => Promise<void>;
    show: (job: Job) => void;
    retry: () => void;
  };
  BuildDatabase: View<{ ready: () => void }>;
  useDatabaseBuild(done: () => void): DatabaseBuild;
  DatabaseBuild: View<{ build: DatabaseBuild }>;
  DatabaseState: View<{
    /** What is shown: the version of the face database that it was matched with, if known, and when. */
    result?: { version?: string; at: string | null | undefined };
    /** Matches what is shown again. */
    match?: () => unknown;
    built?: () => void;
  }>;
  UnlearnedPerformers: View<unknown>;
  PageHygiene: View<unknown>;
  JobProgress: View<{ job: Job; label: string }>;
  jobProgressText(job: Job): string;
  formatDuration(seconds: number): string;
  // pages
  PageSections: View<{ title: string; children?: unknown }>;
  PageSection: View<{ title: string; loaded: Loaded<any> & { retry: () => void }; children?: unknown }>;
  PageJobs: View<unknown>;
  DatabaseReport: View<{ jobId: string }>;
  PageJournal: View<unknown>;
  PluginPage: View<unknown>;
  // the whole library
  newBatchId(): string;
  usePages(read: (cursor: string | null) => Promise<any>, key: string): PagedList;
  EndOfList: View<{ list: PagedList }>;
  Block: View<{ key: string; height: number; first?: boolean; render: () => any }>;
  useListKeys(place: { current: HTMLElement | null }, keys: Record<string, () => unknown>): void;
  AskedButton: View<{ label: string; question: string; act: () => unknown; disabled?: boolean }>;
  useLibraryActions(): LibraryActions;
  ActionBar: View<{ actions: LibraryActions }>;
  LibraryJob: View<{ ended: () => void }>;
  SuggestionsPage: View<unknown>;
  SuggestionBlock: View<SuggestionBlockProps>;
  ClustersPage: View<unknown>;
  ClusterCard: View<ClusterCardProps>;
  PluginPages: View<unknown>;
  PageLinks: View<unknown>;
  LibraryPage: View<{ title: string; place: { current: HTMLElement | null }; reload: () => void; children?: unknown }>;
  Icon: View<unknown>;
  MenuLink: View<unknown>;
  addressFirst(settings: { name: string }[]): { name: string }[];
  ToolbarButton: View<unknown>;
}
