//! What `bindgen!` makes of `wit/spin.wit`.
#![allow(missing_docs, unreachable_pub, clippy::let_underscore_must_use, reason = "generated code")]

wasmtime::component::bindgen!({
    path: "wit",
    world: "platform",
    with: { "fermyon:spin/sqlite.connection": crate::sqlite::Connection },
});
