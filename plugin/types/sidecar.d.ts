/** What the sidecar answers. For `tsc --checkJs`; nothing of this ships. */

type Box = { x: number; y: number; width: number; height: number; confidence: number };

/** A recognised person. */
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

/** Whom a reason is about. */
type ReasonPerson = { performer_id: string; name: string; confidence: number };

/** Why, as the sidecar says it. Results of an older one have no code. */
interface Reasoned {
  reason?: string;
  reason_code?: string | null;
  reason_people?: ReasonPerson[];
  reason_count?: number | null;
}

interface Face extends Reasoned {
  face_id: string;
  box: Box;
  quality: number;
  verdict: "match" | "ambiguous" | "unknown";
  /** The person of the verdict; null for unknown. */
  performer_id: string | null;
  name: string | null;
  matches: Match[];
  decisions?: StandingDecision[];
}

interface Identified {
  faces: Face[];
  face_count: number;
  stored?: boolean;
}

/** The faces of one person and their images, in the gallery's order. */
interface FacesOnImages {
  image_ids: string[];
  /** Best view first; older results have none. */
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

/** Faces of one unknown person, grouped by likeness. */
interface UnknownGroup extends FacesOnImages, Reasoned {
  track_id: string;
  verdict: "ambiguous" | "unknown";
  face_ids: string[];
  face_count: number;
  image_count: number;
  nearest: Match[];
}

/** An image of a gallery that was skipped or failed; older results have no code. */
interface ImageFailure {
  image_id: string;
  code?: string;
  reason: string;
  numbers?: Record<string, number>;
}

interface GalleryResult {
  total_images: number;
  images_processed: number;
  faces_detected: number;
  performers: GalleryPerson[];
  unknown?: UnknownGroup[];
  errors: string[];
  /** The same with codes; older results have none. */
  error_details?: ImageFailure[];
  error_count: number;
  skipped: ImageFailure[];
  not_stored?: number;
  /** Of the face database; older results have none. */
  db_version?: string;
  /** Of the decisions that it takes into account; older results have none. */
  decisions_revision?: string;
}

/** What is newer in Stash than the face database. */
interface NewlyNamedFace extends Person {
  id: number;
  face_id: string;
  image_id: string | null;
  gallery_ids: string[];
  scene_id: string | null;
}

interface NewlyNamedPage {
  faces: NewlyNamedFace[];
  next_before: number | null;
  matching: boolean;
}

/** A picture that a build took no face from; of a people folder with its path alone. */
interface RefusedPhoto {
  name?: string;
  local_id?: string;
  picture?: string;
  photo?: string;
  code: string;
  why: string;
}

/** What became of one source in an update. */
interface SourceReport {
  source?: string;
  outcome?: "updated" | "kept" | "failed";
  detail?: string;
  report: {
    people?: number;
    faces?: number;
    added?: number;
    updated?: number;
    gone?: string[];
    skipped?: RefusedPhoto[];
    quarantined?: RefusedPhoto[];
    skipped_count?: number;
    quarantined_count?: number;
    problems?: string[];
  } | null;
}

/** Of the face database, with references to compare. */
interface KnownPerson {
  performer_id: string;
  name: string;
  local_id: string | null;
  reference_ids: string[];
}

/** A reference that deserves a look. */
interface HygieneFinding {
  reference: string;
  reference_id: string | null;
  photo: string;
  code: "other-person" | "several-faces" | "poor-face" | "upside-down" | "by-hand";
  reason: string;
  in_use: boolean;
  kept: boolean;
  person: KnownPerson;
  like: KnownPerson | null;
}

interface LookAlikePair {
  people: KnownPerson[];
  references: (string | null)[];
  confidence: number;
}

interface HygienePage {
  ready: boolean;
  done: number;
  total: number;
  counts: Record<string, number>;
  findings: HygieneFinding[];
  look_alikes: LookAlikePair[];
  next_offset: number | null;
}

interface DatabaseChanges {
  version: string;
  built_at: string;
  new: number;
  changed: number;
  removed: number;
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
  result: GalleryResult | SceneResult | null;
  /** The same for the same result; null in lists. */
  revision: string | null;
  error: string | null;
  error_code?: string | null;
  /** What it was started with. */
  asked?: Record<string, unknown>;
  /** It is queued, and rests until it is resumed. */
  paused?: boolean;
  created_at: string;
  ended_at?: string | null;
}

interface JournalEntry {
  entry_id: number;
  /** marker: made on the scene in `target_ids`; `added_ids` are the markers' own. picture: the performer's. */
  target_type: TargetType | "marker" | "picture";
  target_ids: string[];
  local_id: string;
  status: "open" | "done" | "failed" | "undone";
  added_ids: string[];
  created_at: string;
  /** The same on tags that one Accept All wrote. */
  batch_id: string | null;
  /** remove: the targets lost the performer. Of older sidecars there is none. */
  action?: "add" | "remove";
  /** Why its end could not be noted, although the tag is written. */
  unrecorded?: string;
}

interface Decision {
  decision_id: number;
}

interface StandingDecision extends Decision {
  word: "confirmed" | "rejected" | "ignored" | "apart";
  performer_id: string | null;
  name: string | null;
}

interface ListedDecision extends StandingDecision {
  face_id: string | null;
  image_id: string | null;
  /** Of older sidecars there is none. */
  scene_id?: string | null;
  local_id: string | null;
  created_at: string;
}

interface DecisionsPage {
  decisions: ListedDecision[];
  next_before: number | null;
}

interface Health {
  status: "ok" | "degraded";
  version: string;
  /** Of the plugin as it is installed in Stash. */
  plugin_version: string;
  loaded?: { database: { people: number; faces: number; built_at: string } | null };
  missing?: { what: string; code: string; detail: string }[];
  features?: string[];
}

interface Settings {
  minConfidence?: unknown;
  tagImages?: unknown;
}
