//! Rows 17 to 23: the stores themselves, held to the one contract that any store of others can be held to.

use std::sync::Arc;

use tokenway::store::conformance::{conformance, sample_key, sample_record};
use tokenway::store::{FileStore, MemoryStore, Store};
use tokenway_core::action::Load;

#[tokio::test]
async fn row_17_19_and_22_the_memory_store_keeps_the_published_contract() {
    conformance(|| Arc::new(MemoryStore::new())).await;
}

#[tokio::test]
async fn row_17_19_and_22_the_file_store_keeps_the_published_contract() {
    let folder = tempfile::tempdir().unwrap();
    conformance(|| Arc::new(FileStore::new(folder.path()))).await;
}

#[tokio::test]
async fn row_23_a_memory_store_can_be_seeded_for_tests() {
    let key = sample_key("codex", "default");
    let record = sample_record("login", 1, "token");
    let store = MemoryStore::new().with_record(key.clone(), record.clone());
    assert_eq!(store.load(&Load { key }).await.unwrap(), Some(Box::new(record)));
    assert_eq!(store.load(&Load { key: sample_key("codex", "other") }).await.unwrap(), None);
}
