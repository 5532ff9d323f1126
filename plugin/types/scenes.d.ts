/** What the sidecar answers about scenes, and the properties of their components. For `tsc --checkJs`; nothing of this ships. */

/** From and to, in seconds from the scene's start. */
type Span = [number, number];
type FrameFace = { time_s: number; face_id: string };

/** Faces of one person in a scene. */
interface SceneTrack extends Reasoned {
  track_id: string;
  verdict: "match" | "ambiguous" | "unknown";
  frame_count: number;
  /** Of the frames looked at, 0 to 1. */
  proportion: number;
  spans: Span[];
  best_frame: FrameFace | null;
  best_faces?: FrameFace[];
}

interface ScenePerson extends SceneTrack, Person {
  best_match: Match | null;
  all_matches: Match[];
}

interface SceneUnknown extends SceneTrack {
  nearest?: Match[];
}

interface SceneResult {
  scene_id: string;
  duration_s: number | null;
  frames_analyzed: number;
  faces_detected: number;
  source: "file" | "stream" | "sprite";
  /** A code: why no more frames were looked at. */
  stopped?: string;
  persons: ScenePerson[];
  unknown?: SceneUnknown[];
  errors?: string[];
  /** Of the face database. */
  db_version?: string;
  /** Of the decisions that it takes into account; older results have none. */
  decisions_revision?: string;
}

/** What every result component of a job gets. */
interface Results<Target, Result> {
  target: Target;
  settings: Settings;
  shown: ShownResult<Result>;
  running: boolean;
  update: () => Promise<void>;
  changed: () => void;
  /** Whether faces were decided on elsewhere, since this result. */
  outdated: boolean;
}

/** A kind of target whose people a job identifies. */
interface JobKind {
  type: "gallery" | "scene";
  /** Whether opening the dialogue for the first time starts the job. */
  atOnce: boolean;
  read: (id: string) => Promise<any>;
  /** Why there is nothing to look at; empty where there is something. */
  emptyText: (target: any) => string;
  /** The buttons below results; no `once`, no such button. */
  againText: () => { once: string; fresh: string; hint: string };
  Results: View<Results<any, any>>;
}

type Play = (seconds: number) => void;

interface TimelineProps {
  spans: Span[];
  duration: number;
  name: string;
  play: Play;
}

interface ScenePersonProps {
  key: string;
  person: ScenePerson;
  hidden: boolean;
  gone: boolean;
  /** The job is still running: there will be more of the person. */
  partial: boolean;
  scene: StashScene;
  tagged: Set<string>;
  duration: number;
  people: People;
  play: Play;
  register: (key: string, tagging: RowTagging) => void;
  changed: () => void;
}

interface SceneCandidateProps extends ScenePersonProps {
  match: Match;
  others: Match[];
  pick: (key: string) => void;
}

interface WhenProps extends TimelineProps {
  person: ScenePerson;
  reason: Reasoned;
  people: People;
}

type SceneGroup = SceneUnknown & { face_ids: string[] };
type AnyGroup = { track_id: string; face_ids: string[] };

interface SceneUnknownProps {
  groups: SceneGroup[];
  resultId: string;
  scene: StashScene;
  duration: number;
  people: People;
  play: Play;
  changed: () => void;
  tagged: (localId: string, on: boolean) => void;
}

interface SceneGroupProps extends Omit<SceneUnknownProps, "groups" | "resultId"> {
  key: string;
  groupKey: string;
  group: SceneGroup;
  gone: boolean;
  register: (key: string, naming: Naming) => void;
}

interface UnknownGroupsProps {
  groups: any[];
  resultId: string;
  sizeOf: (group: any) => number;
  Group: View<any>;
  common: Record<string, unknown>;
}

type FaceOnScreenProps = { person: SceneTrack; name: string; play: Play };
