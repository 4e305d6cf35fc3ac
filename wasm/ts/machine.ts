// The data of the machine: actions, outcomes, records. Snake case, as in transcripts, because it is the same data.
// All instants are milliseconds since 1970, all spans milliseconds.

/** Which credential: the provider (or issuer), the client and the account label. */
export interface CredentialKey {
  provider: string;
  client_id: string;
  account: string;
}

/** Names one action of one session. */
export interface ActionId {
  /** How often the session was resumed. */
  life: number;
  /** How many actions this life had before. */
  step: number;
}

/** What atomic saves and deletes compare. */
export interface Version {
  login_id: string;
  generation: number;
}

/** A stored login. It holds tokens. Members that this version does not know are kept. */
export interface StoredRecord extends Version {
  format: number;
  client_id: string;
  issuer: string | null;
  token_endpoint: string;
  revocation_endpoint: string | null;
  mark: "logged_in" | "logged_out";
  access_token: string;
  token_type: string;
  refresh_token: string | null;
  scopes: string[] | null;
  resources?: string[];
  claims: Record<string, string>;
  expires_at: number | null;
  due_at: number | null;
  renewed_at: number;
  renewed_from: string | null;
  renewed_for_rejection: boolean;
  [unknown: string]: unknown;
}

/** The notes beside the lock, as spans. No secrets. */
export interface Ledger {
  login_id: string | null;
  intent: { token: string; age: number; lands_in: number; resends: number } | null;
  lands_in: number;
  cool_down: number;
  refused: string | null;
}

export type StoredLedger = "absent" | "newer" | "unreadable" | { read: Ledger };

/** One HTTP exchange. Redirects are never followed, nothing is retried. */
export interface HttpRequest {
  method: "DELETE" | "GET" | "POST";
  url: string;
  headers: { name: string; value: string }[];
  body: "empty" | { form: { name: string; value: string }[] } | { json: string };
  /** Spends something that can be spent once. */
  single_use: boolean;
  /** The bytes may not leave after this instant. */
  not_after: number | null;
  /** The lease that must still be held when the bytes leave. */
  lease: number | null;
  deadline: number;
}

/** What the machine asks for. `LoginAction` and `StoreAction` are a world's, the others any driver's. */
export type Action = LoginAction | StoreAction | HttpAction | WaitAction;

export type HttpAction = ({ action: "fetch" } & HttpRequest) | ({ action: "post_form" } & HttpRequest);

export interface WaitAction {
  action: "wait_until";
  at: number;
  span: number;
}

export type LoginAction =
  | { action: "listen"; candidates: string[] }
  | { action: "open_url"; url: string }
  | { action: "await_callback"; url: string; redirect_uri: string; deadline: number }
  | { action: "begin"; login: string; stub: string };

export type StoreAction =
  | { action: "load"; key: CredentialKey }
  | { action: "save"; key: CredentialKey; expected: Version | null; record: StoredRecord }
  | { action: "delete"; key: CredentialKey; expected: Version }
  | { action: "lock"; key: CredentialKey; wait: number; hold: number }
  | { action: "note"; key: CredentialKey; lease: number; ledger: Ledger }
  | { action: "unlock"; key: CredentialKey; lease: number };

/** A redirect as it arrived, or what a person pasted. It holds the code. */
export interface Callback {
  source: "listening" | "one_shot" | "pasted";
  method: string;
  target: string;
  headers: [string, string][];
  body: string;
}

export type IoFailureKind = "cancelled" | "deadline" | "incomplete" | "too_large" | "unable" | "unreachable";

export interface IoFailure {
  sent: "maybe_sent" | "not_sent";
  kind: IoFailureKind;
  detail: string;
}

export interface HttpAnswer {
  status: number;
  headers: [string, string][];
  body: "too_large" | { text: string } | { bytes: number[] };
  received_at: number;
}

/** What happened when an action was performed. */
export type Outcome =
  | { outcome: "already_begun" | "begun" | "deleted" | "elapsed" | "lost" | "noted" | "saved" | "timed_out" | "unlocked" }
  | { outcome: "busy"; with: { who: string; since: number } }
  | { outcome: "callback"; with: Callback }
  | { outcome: "conflict"; with: StoredRecord | null }
  | { outcome: "failed"; with: IoFailure }
  | { outcome: "http"; with: HttpAnswer }
  | { outcome: "listening"; with: { redirect_uri: string } }
  | { outcome: "loaded"; with: StoredRecord | null }
  | { outcome: "locked"; with: { lease: number; ledger: StoredLedger } }
  | { outcome: "opened"; with: { browser: boolean } };

/** The answer to one action. */
export type Event = { id: ActionId } & Outcome;

/** The time and 32 fresh random bytes: an array of numbers, or 64 hexadecimal digits. */
export interface Moment {
  now: number;
  entropy: number[] | string;
}

/** Why an outcome did not count: what the stray request is told. */
export interface Reason {
  /** The HTTP status for whoever sent it. */
  status: number;
  sentence: string;
}

export type Progress = "advanced" | { ignored: Reason };

/** The steps of all flows. */
export type FlowStep =
  | "callback" | "code_exchange" | "deletion" | "discovery" | "listening" | "loading" | "locking" | "opening"
  | "refresh" | "revocation" | "saving";

export type FailureKind =
  | "account_changed" | "api_refuses_new_token" | "bug" | "busy" | "cancelled" | "cool_down" | "interrupted"
  | "misbehaved" | "misconfigured" | "no_credential" | "outcome_unknown" | "refused" | "store" | "server_trouble"
  | "timed_out" | "unable" | "unreachable";

/** What to do about a failure. */
export type NextStep =
  | { do: "ask_user"; what: string }
  | { do: "fix_configuration"; what: string }
  | { do: "log_in" }
  | { do: "outcome_unknown"; retry_at: number }
  | { do: "report_bug" }
  | { do: "retry_at"; at: number };

export interface Failure {
  step: FlowStep;
  kind: FailureKind;
  status: number | null;
  code: string | null;
  detail: string;
  next: NextStep;
}

/** A record without its tokens. */
export interface ShownRecord {
  login_id: string;
  generation: number;
  token_type: string;
  renewable: boolean;
  scopes: string[] | null;
  claims: Record<string, string>;
  expires_at: number | null;
  due_at: number | null;
  renewed_at: number;
}

export type LoginNote = "no_refresh_token" | { scopes_missing: string[] };
export type TokenNote = "short_lived" | { not_renewed: Failure } | { not_saved: Failure };
export type Revoked = { revoked: "confirmed" } | { revoked: "not_tried" } | { revoked: "not_confirmed"; why: string };

/** How a flow ended, without its tokens. */
export type End =
  | { failed: Failure }
  | { logged_in: { record: ShownRecord; replaced: boolean; notes: LoginNote[] } }
  | { logged_out: { claims: Record<string, string> | null; revoked: Revoked } }
  | { token: { record: ShownRecord; notes: TokenNote[] } };

/** What a session wants: an action to be performed once, or nothing more. */
export type Step =
  | { act: { id: ActionId; action: Action } }
  | { done: { end: End; record: StoredRecord | null } };

/** A provider: everything that differs between authorization servers. The members are those of `tokenway providers --json`. */
export interface Provider {
  id: string;
  name: string;
  issuer?: string | null;
  endpoints?: Endpoints | null;
  client_id?: string | null;
  client_authentication?: ClientAuthentication;
  scopes?: string[];
  authorize_parameters?: { name: string; value: string }[];
  redirect?: { host?: string; ports?: number[]; path?: string };
  nonce?: boolean;
  [member: string]: unknown;
}

export interface Endpoints {
  authorization: string;
  token: string;
  revocation?: string | null;
  iss_in_response?: boolean;
}

export type ClientAuthentication = "none" | "client_secret_basic" | "client_secret_post";

/** The configuration of one credential. One of `provider`, `issuer` and `endpoints` names the server. */
export interface Config {
  /** The name of a built-in preset, or a whole one. */
  provider?: string | Provider;
  /** A server that is found by its metadata (RFC 8414). */
  issuer?: string;
  /** A server whose endpoints are known. `issuer` may stand beside it. */
  endpoints?: Endpoints;
  client_id?: string;
  /** Whatever ships with an extension or a page is no secret: only for servers that want one from public clients. */
  client_secret?: string;
  client_authentication?: ClientAuthentication;
  /** A label that keeps several logins apart; `default` if left out. */
  account?: string;
  scopes?: string[];
  /** RFC 8707. */
  resources?: string[];
  redirect_uri?: string;
  authorize_parameters?: { name: string; value: string }[];
  /** Milliseconds. */
  timing?: { request_deadline?: number; reject_interval?: number; login_timeout?: number };
}
