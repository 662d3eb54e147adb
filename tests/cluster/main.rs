//! The system on a real Kubernetes: whichever `KUBECONFIG` names. `cargo xtask e2e` brings the images and runs this.
//!
//! Each test has an installation of its own: the overlay in `PRA_E2E_OVERLAY` (by default that of `kubectl apply -k
//! k8s`), in a namespace of its own, deleted afterwards. What is asked of the application goes through the API server's Service proxy, so that
//! it works wherever kubectl does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod apply;
mod drills;
mod init;
mod installation;
mod job;
mod killed;
mod kubectl;
mod locks;
mod plugin;
mod processes;
mod replica;
mod replica_drills;
mod restore;
mod rights;
mod s3;
mod state;
mod turn;
mod wasm;
mod workshop;
