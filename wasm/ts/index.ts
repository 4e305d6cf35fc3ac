// tokenway: OAuth 2 logins and a token's whole later life, for programs that run on a person's machine.

export { type AccessToken, Client, type ClientOptions, type LoggedIn, type LoggedOut, type Status, type TokenWish } from "./client.js";
export {
  AskUserError, BugError, ConfigurationError, IoTrouble, LogInError, MisuseError, OutcomeUnknownError, RetryLaterError, TokenwayError,
} from "./errors.js";
export { wasmFrom } from "./load.js";
export type * from "./machine.js";
export { moment, Session, type Sessions, type SessionWish } from "./session.js";
export { memoryStore } from "./store/memory.js";
export type { KeyValue } from "./store/key_value.js";
export { bestLocks, type Locks } from "./store/locks.js";
export type { Conflict, Lease, Store } from "./store/store.js";
export { TextStore } from "./store/text_store.js";
export {
  Difference, type Played, Player, replay, type Summary, type TranscriptEnd, type TranscriptFlow, type TranscriptHeader, type TranscriptStep,
  UnreadableTranscript,
} from "./transcript.js";
export { answered, heard, type LoginPlace, type Observed, type Waiting, type World } from "./world.js";
