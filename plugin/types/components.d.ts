/** The state and the properties of components. For `tsc --checkJs`; nothing of this ships. */

type ActionState = { step: "idle" | "busy" | "done" | "failed"; error: string };
type Action = ActionState & { start: () => Promise<boolean>; reset: () => void };
type Loaded<T> = { loading: boolean; value: T | null; error: string };
type Size = { width: number; height: number };

type Picture = { src: string | null; size: Size | null; broken: boolean };

interface JournalView {
  entries: JournalEntry[];
  names: Map<string, string>;
  next: number | null;
}

/** null: the look-up failed. */
type SectionState = { failed: boolean; retry: () => void };
type PageOfSections = { update: (name: string, state: SectionState) => void };

type PerformersByKey = Map<string, Performer[] | null>;
interface People {
  performers: PerformersByKey;
  error: string;
  retry: () => void;
  learn: (key: string, found: Performer | Performer[]) => void;
}
type ExternalLink = { href: string; host: string } | null;

/** A build of the face database that is followed. */
interface DatabaseBuild {
  job: Job | null;
  error: string;
  away: boolean;
  retry: () => void;
  start: (args: Record<string, unknown>) => void;
  busy: boolean;
  startError: string;
}

interface UnlearnedPage {
  performers: { local_id: string; code: string; reason: string; name: string }[];
  /** null: there is no face database. */
  total: number | null;
}

interface SetAsideProps {
  reference: string;
  /** How it is when shown. */
  aside: boolean;
  inUse: boolean;
  kept: boolean;
  label: string;
}

interface ReferencePictureProps {
  key?: string;
  src: string | null;
  referenceId: string | null;
  person: KnownPerson;
  label: string;
}

interface TaggingOptions {
  person: Person;
  performers: Performer[] | null | undefined;
  isTagged: (performer: Performer) => boolean;
  write: (performer: Performer, note: (entry: JournalEntry) => void, batchId: string | null) => Promise<void>;
  learn: (key: string, found: Performer | Performer[]) => void;
}

interface Tagging {
  add: Action;
  addIn: (batchId: string) => Promise<boolean>;
  undo: Action;
  entries: JournalEntry[];
  note: string;
  offered: boolean;
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
  reject: (match: Match) => Promise<void>;
}

interface GalleryFiltersProps {
  least: number;
  setLeast: (percent: number) => void;
  gender: string;
  setGender: (gender: string) => void;
  people: GalleryPerson[];
  performers: PerformersByKey;
}

/** nobodyLeft: the user took out all of the person's faces. */
type RowTagging = Tagging & { nobodyLeft: boolean };

interface AcceptAllProps {
  visible: any[];
  rows: { current: Map<string, RowTagging> };
  performers: PerformersByKey;
  keyOf?: (person: any) => string;
}

/** One result of a gallery or scene. partial: its job is still running. */
interface ShownResult<Result> {
  result: Result;
  resultId: string;
  partial: boolean;
}

/** A face and its image; null where an older result does not say which face is on the image. */
type SeenStep = { imageId: string; faceId: string | null };
/** What can be looked through, one after another, and where to begin. */
type StepsAt = { steps: SeenStep[]; at: number };

/** The image that is open, whose faces are framed in it, and what comes before and after it. */
interface ImageView extends StepsAt {
  faceIds: string[];
  name: string;
  /** Whose faces they are; null for an unknown person. */
  person: Named | null;
}

interface ImagesProps {
  person: GalleryPerson;
  name: string;
  openStep: (steps: StepsAt) => void;
}

/** What a card says in place of the face's own verdict. */
interface ShownVerdictOptions {
  face: Face;
  match: Match | undefined;
  outcome: NamingOutcome | null;
  /** The person of the verdict, or the nearest, if the user has just rejected them. */
  rejected: Match | null;
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
  exclusion: ExcludedFaces;
  alsoImages: boolean;
  setAlsoImages: (on: boolean) => void;
  openImage: (view: ImageView) => void;
  register: (key: string, tagging: RowTagging) => void;
}

type Named = { performer_id: string; name: string };
type ExcludedFace = { faceId: string; name: string | null; resultId: string };

/** Faces taken out of their groups. */
interface ExcludedFaces {
  exclude: (faceId: string, person: Named | null) => Promise<void>;
  restore: (faceId: string) => Promise<void>;
  /** Whether the face was taken out of a group of the shown result. */
  isExcluded: (faceId: string) => boolean;
  earlier: ExcludedFace[];
  /** Whether the shown groups do not yet take the decisions into account. */
  outdated: boolean;
}

interface FaceStripProps {
  faceIds: string[];
  name: string;
  person: Named | null;
  exclusion: ExcludedFaces | null;
  openImage: (faceId: string) => void;
}

interface FaceTileProps extends Omit<FaceStripProps, "faceIds"> {
  key: string;
  faceId: string;
  number: number;
}

/** The performer to name faces after. find: looks them up or creates them. key: their performer key, if known. */
interface NamingChoice {
  find: () => Promise<Performer>;
  key?: string;
}

type NamingOutcome =
  | { kind: "named"; performer: Performer; performer_id: string; images: boolean }
  | { kind: "ignored" };

interface NamingOptions {
  type: TargetType;
  id: string;
  faceIds: () => string[];
  /** The images to tag too; null for none. */
  imageIds: (() => string[]) | null;
  tagged?: (localId: string, on: boolean) => void;
  changed?: () => void;
}

interface Naming {
  type: TargetType;
  act: Action;
  undo: Action;
  outcome: NamingOutcome | null;
  notes: string[];
  /** Which form the user has open to name the faces. */
  open: "" | "choose" | "create";
  setOpen: (form: Naming["open"]) => void;
  /** Of the library: naming tags nothing by itself. */
  untagged?: boolean;
  /** Whether there is something to undo. */
  written: boolean;
  name: (as: NamingChoice) => Promise<boolean>;
  ignore: () => Promise<boolean>;
  retry: () => Promise<boolean>;
}

interface NamingFormProps {
  naming: Naming;
  /** The likely people, asked about. */
  likely: Match[];
  /** The other candidates. */
  others: Match[];
  people: People;
  /** Whose crop becomes the portrait of a new performer. */
  faceId: string | undefined;
  /** The label of what remains to do once named; empty for nothing. */
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

interface UnknownPeopleProps {
  groups: UnknownGroup[];
  resultId: string;
  gallery: StashGallery;
  people: People;
  exclusion: ExcludedFaces;
  alsoAll: boolean;
  openImage: (view: ImageView) => void;
  changed: () => void;
  tagged: (localId: string, on: boolean) => void;
}

interface GroupProps extends Omit<UnknownPeopleProps, "groups" | "resultId"> {
  key: string;
  groupKey: string;
  group: UnknownGroup;
  gone: boolean;
  register: (key: string, naming: Naming) => void;
}
