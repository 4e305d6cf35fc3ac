//! Bytes to types and back, one file a message.
