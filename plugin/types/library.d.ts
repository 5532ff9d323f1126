/** The pages of the whole library. For `tsc --checkJs`; nothing of this ships. */

interface Suggestion {
  suggestion_id: number;
  target_type: TargetType;
  target_id: string;
  title: string | null;
  confidence: number;
  face_ids: string[];
  times_s: number[];
  /** Of a doubted tag: who is seen instead. */
  seen: { name: string; face_ids: string[] }[];
}

/** What is suggested about one person, best first. */
interface SuggestionGroup extends Person {
  count: number;
  suggestions: Suggestion[];
}

interface SuggestionsPage {
  groups: SuggestionGroup[];
  total: number;
  next_cursor: string | null;
  /** Targets that are still to be looked at. */
  pending: number;
}

interface SuggestionFilter {
  kind: string;
  target_type: string;
  /** In percent. */
  least: number;
  person: { key: string; name: string } | null;
}

/** A part of a person's suggestions. hidden: those that the last part does not show. */
interface SuggestionBlock {
  key: string;
  group: SuggestionGroup;
  head: boolean;
  hidden: number;
  suggestions: Suggestion[];
}

interface SuggestionBlockProps {
  block: SuggestionBlock;
  actions: LibraryActions;
  people: People;
  audit: boolean;
  showAll: (group: SuggestionGroup) => Promise<void>;
  acceptAll: (group: SuggestionGroup) => void;
}

interface SuggestionTileProps {
  key: number;
  suggestion: Suggestion;
  group: SuggestionGroup;
  name: string;
  performer: Performer | undefined;
  actions: LibraryActions;
  audit: boolean;
}

/** An unknown person. named: tracks have joined it that nobody confirmed. */
interface Cluster {
  cluster_id: number;
  status: "open" | "named" | "hidden";
  performer_id: string | null;
  name: string | null;
  track_count: number;
  face_count: number;
  image_count: number;
  scene_count: number;
  cover_face_id: string;
  /** The best ones, at most 8. */
  face_ids: string[];
  nearest: Match[];
}

interface ClustersPage {
  clusters: Cluster[];
  total: number;
  next_cursor: string | null;
}

interface ClusterMember {
  face_id: string;
  target_type: "image" | "scene";
  target_id: string;
  time_s: number | null;
}

interface ClusterCardProps {
  key: number;
  cluster: Cluster;
  actions: LibraryActions;
  people: People;
  /** To be merged with others. */
  selected: boolean;
  select: (id: number) => void;
  split: (cluster: Cluster, faceIds: string[]) => Promise<void>;
  /** Reads clusters again after they have changed. */
  reread: (ids: number[]) => Promise<void>;
  settled: boolean;
}

interface PagedList {
  pages: any[];
  loading: boolean;
  error: string;
  next: string | null;
  more: () => void;
  retry: () => void;
  reload: () => void;
}

type ItemKey = string | number;
type ItemState = "busy" | "failed" | "gone" | "added" | "removed" | "rejected" | "kept" | "named" | "merged" | "split" | "hidden" | "shown";

/** Targets of one kind that one performer is put on or taken off. */
interface TagWork {
  performer: Performer;
  type: TargetType;
  mode: "add" | "remove";
  items: { key: ItemKey; id: string }[];
}

/** One thing that the user did, undone as one. */
interface LibraryAction {
  label: string;
  entries: JournalEntry[];
  /** Ids of decisions to take back. */
  decisions: number[];
  takeBack: (() => Promise<unknown>) | null;
  /** The items that it settled. */
  keys: ItemKey[];
  done: number;
  failed: number;
  left: number;
  total: number;
  stopped: boolean;
}

interface LibraryActions {
  states: Map<ItemKey, ItemState>;
  /** Those that can be undone, the latest last. */
  done: LibraryAction[];
  running: LibraryAction | null;
  last?: LibraryAction | null;
  waiting: number;
  error: string;
  /** keys: the items that it is about, where they are known; `works` gets those of them that are free. */
  tag: (
    label: string,
    works: (free: Set<ItemKey>, stopped: () => boolean) => AsyncGenerator<TagWork>,
    keys?: ItemKey[],
    total?: number,
  ) => Promise<void>;
  reject: (label: string, key: ItemKey, faceIds: string[], decision: Record<string, unknown>) => Promise<void>;
  run: (label: string, key: ItemKey, state: ItemState, work: (action: LibraryAction) => Promise<unknown>) => Promise<void>;
  undo: () => Promise<void>;
  stop: () => void;
  /** The list is read again, and tells by itself what is settled. */
  forget: () => void;
}
